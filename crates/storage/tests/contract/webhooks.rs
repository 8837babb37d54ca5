//! Webhooks: found by id, listed by place, gone with it.

use model::id::ChannelId;
use model::wire::id::Id;
use state::GuildCommand;
use state::apps::WebhookRecord;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
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
