//! Webhooks: found by id, listed by place, gone with it.

use model::id::ChannelId;
use model::wire::id::Id;
use state::Change;
use state::GuildCommand;
use state::Plan;
use state::apps::WebhookRecord;
use state::apps::WebhookSource;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::GUILD;
use crate::fixtures::OTHER_TEXT;
use crate::fixtures::TEXT;
use crate::fixtures::guild;

fn webhook(id: u64, channel: ChannelId) -> WebhookRecord {
    WebhookRecord {
        id: Id::new(id),
        guild: guild().id,
        channel,
        creator: Some(ANA),
        application: None,
        name: format!("herald {id}"),
        avatar: None,
        source: None,
        token: format!("secret-{id}"),
    }
}

pub(crate) async fn a_webhook_moves_and_is_removed_once(repos: &Repos) {
    repos.webhooks.put(&webhook(7, TEXT)).await.expect("stored");
    repos.webhooks.put(&webhook(8, TEXT)).await.expect("stored");
    repos.webhooks.put(&webhook(7, OTHER_TEXT)).await.expect("moved");

    let moved = webhook(7, OTHER_TEXT);
    assert_eq!(repos.webhooks.webhook(Id::new(7)).await.expect("read"), Some(moved.clone()));
    assert_eq!(repos.webhooks.of_channel(TEXT).await.expect("read"), [webhook(8, TEXT)]);
    assert_eq!(
        repos.webhooks.of_guild(moved.guild).await.expect("read"),
        [moved, webhook(8, TEXT)]
    );
    repos.webhooks.remove(Id::new(7)).await.expect("removed");
    let again = repos.webhooks.remove(Id::new(7)).await;
    assert!(matches!(again, Err(RepoError::NotFound)), "{again:?}");
    assert_eq!(repos.webhooks.webhook(Id::new(7)).await.expect("read"), None);
}

pub(crate) async fn deleted_channels_and_guilds_take_their_webhooks_along(repos: &Repos) {
    let guild = guild();
    repos.guilds.create(&guild).await.expect("created");
    for one in [webhook(1, TEXT), webhook(2, OTHER_TEXT)] {
        repos.webhooks.put(&one).await.expect("stored");
    }

    let plan = guild.plan(ANA, &GuildCommand::DeleteChannel(TEXT), 0).expect("allowed");
    repos.guilds.commit(&plan).await.expect("committed");
    assert_eq!(repos.webhooks.of_guild(guild.id).await.expect("read"), [webhook(2, OTHER_TEXT)]);

    let (guild, _) = guild.apply(&plan);
    let plan = guild.plan(ANA, &GuildCommand::Delete, 0).expect("allowed");
    repos.guilds.commit(&plan).await.expect("committed");
    assert_eq!(repos.webhooks.of_guild(guild.id).await.expect("read"), []);
}

pub(crate) async fn followers_and_what_was_crossposted_end_with_the_channel_they_follow(
    repos: &Repos,
) {
    repos.guilds.create(&guild()).await.expect("created");
    let source = WebhookSource { guild: GUILD, channel: TEXT };
    let follower = WebhookRecord { source: Some(source), ..webhook(7, OTHER_TEXT) };
    repos.webhooks.put(&follower).await.expect("stored");
    repos.webhooks.put(&webhook(8, OTHER_TEXT)).await.expect("stored");
    let from = (TEXT, Id::new(1));
    for to in [2, 3, 3] {
        let to = (OTHER_TEXT, Id::new(to));
        repos.webhooks.note_crosspost(from, to).await.expect("noted");
    }

    let followers = repos.webhooks.followers(TEXT).await.expect("found");
    assert_eq!(followers, [follower]);
    let copies = repos.webhooks.crossposts(from).await.expect("found");
    assert_eq!(copies, [(OTHER_TEXT, Id::new(2)), (OTHER_TEXT, Id::new(3))]);
    repos.webhooks.forget_crossposts(from).await.expect("forgotten");
    assert_eq!(repos.webhooks.crossposts(from).await.expect("found"), []);

    let plan = Plan { guild: GUILD, version: 1, changes: vec![Change::DeleteChannel(TEXT)] };
    repos.guilds.commit(&plan).await.expect("committed");

    assert_eq!(repos.webhooks.followers(TEXT).await.expect("found"), []);
    let left = repos.webhooks.of_channel(OTHER_TEXT).await.expect("found");
    assert_eq!(left, [webhook(8, OTHER_TEXT)]);
}

pub(crate) async fn what_is_owed_to_followers_is_known_until_it_is_settled(repos: &Repos) {
    let said = [3, 1, 1].map(|id| (TEXT, Id::new(id)));
    for one in said {
        repos.webhooks.owe_crosspost(one).await.expect("noted");
    }

    let page = repos.webhooks.crossposts_owed(0, 2).await.expect("read");
    let messages: Vec<_> = page.iter().map(|owed| (owed.channel, owed.message)).collect();
    assert_eq!(messages, said[..2]);
    // What was noted meanwhile is owed on.
    repos.webhooks.settle_crosspost(page[1].nth).await.expect("settled");
    repos.webhooks.settle_crosspost(page[1].nth).await.expect("settled already");
    let left = repos.webhooks.crossposts_owed(page[0].nth, 9).await.expect("read");
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].message, left[0].nth > page[1].nth), (said[2].1, true));
    assert_eq!(repos.webhooks.crossposts_owed(0, 9).await.expect("read").len(), 2);
}
