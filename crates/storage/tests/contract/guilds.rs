//! Guilds: rows, versions, and what goes with what is deleted.

use std::sync::Arc;

use model::id::ChannelId;
use model::wire::id::Id;
use state::Change;
use state::Plan;
use state::automod::rule::Rule;
use state::automod::rule::RuleRecord;
use state::guild::GuildSettings;
use state::record::BanRecord;
use state::record::EmojiRecord;
use state::record::IntegrationRecord;
use state::record::MemberRecord;
use state::record::SoundRecord;
use state::record::StickerFormat;
use state::record::StickerRecord;
use state::repo::RepoError;
use state::voice::StageInstance;
use storage::Repos;
use tokio::task::JoinSet;

use crate::fixtures::ANA;
use crate::fixtures::BEN;
use crate::fixtures::CAI;
use crate::fixtures::GUILD;
use crate::fixtures::TEXT;
use crate::fixtures::guild;
use crate::fixtures::invite;
use crate::fixtures::now;

fn member(user: model::id::UserId) -> Arc<MemberRecord> {
    Arc::new(MemberRecord {
        user,
        nick: Some("Benny".into()),
        roles: vec![Id::new(77)],
        joined_at: now(),
        mute: true,
        deaf: false,
        pending: false,
        communication_disabled_until: Some(now()),
        flags: 3,
        avatar: None,
        integration: Some(Arc::new(IntegrationRecord {
            name: "Benny".to_owned(),
            description: String::new(),
            user: ANA,
            scopes: vec!["bot".to_owned()],
        })),
        onboarding: vec![Id::new(81)],
    })
}

fn plan(version: u64, changes: Vec<Change>) -> Plan {
    Plan { guild: GUILD, version, changes }
}

pub(crate) async fn a_guild_comes_back_whole(repos: &Repos) {
    let guild = guild();

    repos.guilds.create(&guild).await.expect("created");

    assert_eq!(repos.guilds.load().await.expect("loaded"), [guild]);
}

pub(crate) async fn a_guild_is_created_once(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");

    let again = repos.guilds.create(&guild()).await;

    assert!(matches!(again, Err(RepoError::Exists)), "{again:?}");
    assert_eq!(repos.guilds.load().await.expect("loaded").len(), 1);
}

pub(crate) async fn a_plan_changes_its_rows_and_the_version(repos: &Repos) {
    let mut guild = guild();
    repos.guilds.create(&guild).await.expect("created");
    let settings = GuildSettings { name: "Port".to_owned(), ..(*guild.settings).clone() };
    let voice = guild.channels.get_max().expect("it has channels").0;
    let ban = BanRecord { user: CAI, reason: Some("spam".to_owned()) };
    let emoji = Arc::new(EmojiRecord {
        id: Id::new(78),
        name: "ale".to_owned(),
        roles: vec![Id::new(77)],
        user: ANA,
        animated: true,
    });
    let rule: RuleRecord = serde_json::from_value(serde_json::json!({
        "id": "79", "name": "No boats", "creator": ANA, "enabled": true,
        "trigger": { "kind": "keyword", "keywords": ["boat*"], "patterns": ["b[o0]at"] },
        "actions": [{ "kind": "timeout", "seconds": 60 }], "exempt_roles": ["77"],
    }))
    .expect("a rule");
    let rule = Arc::new(Rule::new(rule).expect("its pattern is one"));
    let sticker = Arc::new(StickerRecord {
        id: Id::new(79),
        name: "ale".to_owned(),
        description: Some("Foaming".to_owned()),
        tags: "beer".to_owned(),
        format: StickerFormat::Lottie,
        user: ANA,
    });
    let sound = Arc::new(SoundRecord {
        id: Id::new(80),
        name: "quack".to_owned(),
        volume: 0.3,
        emoji: None,
        emoji_name: Some("🦆".to_owned()),
        user: ANA,
    });
    let stage = Arc::new(StageInstance {
        id: Id::new(82),
        guild: GUILD,
        channel: TEXT,
        topic: "Boats".to_owned(),
        event: None,
    });
    let mut role = (**guild.roles.get(&GUILD.cast()).expect("everyone")).clone();
    role.id = Id::new(77);
    let (settings, role, ban) = (Arc::new(settings), Arc::new(role), Arc::new(ban));

    let changes = vec![
        Change::Settings(Arc::clone(&settings)),
        Change::PutRole(Arc::clone(&role)),
        Change::PutMember(member(BEN)),
        Change::PutBan(Arc::clone(&ban)),
        Change::PutEmoji(Arc::clone(&emoji)),
        Change::PutRule(Arc::clone(&rule)),
        Change::PutSticker(Arc::clone(&sticker)),
        Change::PutSound(Arc::clone(&sound)),
        Change::PutStage(Arc::clone(&stage)),
        Change::DeleteChannel(voice),
    ];
    repos.guilds.commit(&plan(1, changes)).await.expect("committed");

    guild.version = 2;
    guild.settings = settings;
    guild.roles.insert(role.id, role);
    guild.members.insert(BEN, member(BEN));
    guild.bans.insert(CAI, ban);
    guild.emojis.insert(emoji.id, emoji);
    guild.rules.insert(rule.record.id, rule);
    guild.stickers.insert(sticker.id, sticker);
    guild.sounds.insert(sound.id, sound);
    guild.stages.insert(TEXT, Arc::clone(&stage));
    guild.channels.remove(&voice);
    assert_eq!(repos.guilds.load().await.expect("loaded"), [guild.clone()]);

    let changes = vec![
        Change::DeleteRole(Id::new(77)),
        Change::DeleteMember(BEN),
        Change::DeleteBan(CAI),
        Change::DeleteEmoji(Id::new(78)),
        Change::DeleteRule(Id::new(79)),
        Change::DeleteSticker(Id::new(79)),
        Change::DeleteSound(Id::new(80)),
        Change::DeleteStage(TEXT),
    ];
    repos.guilds.commit(&plan(2, changes)).await.expect("committed");

    guild.version = 3;
    guild.roles.remove(&Id::new(77));
    guild.members.remove(&BEN);
    guild.bans.remove(&CAI);
    guild.emojis.remove(&Id::new(78));
    guild.rules.remove(&Id::new(79));
    guild.stickers.remove(&Id::new(79));
    guild.sounds.remove(&Id::new(80));
    guild.stages.remove(&TEXT);
    assert_eq!(repos.guilds.load().await.expect("loaded"), [guild.clone()]);

    let changes = vec![Change::PutStage(stage), Change::DeleteChannel(TEXT)];
    repos.guilds.commit(&plan(3, changes)).await.expect("committed");
    guild.version = 4;
    guild.channels.remove(&TEXT);
    assert_eq!(repos.guilds.load().await.expect("loaded"), [guild], "the stage went with it");
}

pub(crate) async fn a_plan_on_an_old_version_changes_nothing(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    repos.guilds.commit(&plan(1, vec![Change::PutMember(member(BEN))])).await.expect("first");

    let second = repos.guilds.commit(&plan(1, vec![Change::DeleteMember(ANA)])).await;

    assert!(matches!(second, Err(RepoError::Conflict)), "{second:?}");
    let loaded = repos.guilds.load().await.expect("loaded").remove(0);
    assert_eq!(loaded.version, 2);
    assert!(loaded.members.contains_key(&ANA));
}

pub(crate) async fn of_conflicting_commits_exactly_one_wins(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");

    let commits: JoinSet<_> = (0..20_u64)
        .map(|n| {
            let guilds = Arc::clone(&repos.guilds);
            let changes = vec![Change::PutMember(member(Id::new(2_000 + n)))];
            async move { guilds.commit(&plan(1, changes)).await }
        })
        .collect();
    let mut won = 0;
    for commit in commits.join_all().await {
        match commit {
            Ok(()) => won += 1,
            Err(RepoError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }

    assert_eq!(won, 1);
    let loaded = repos.guilds.load().await.expect("loaded").remove(0);
    assert_eq!((loaded.version, loaded.members.len()), (2, 2));
}

pub(crate) async fn a_plan_for_an_unknown_guild_is_not_found(repos: &Repos) {
    let done = repos.guilds.commit(&plan(1, vec![Change::DeleteMember(ANA)])).await;

    assert!(matches!(done, Err(RepoError::NotFound)), "{done:?}");
}

pub(crate) async fn a_deleted_channel_takes_its_invites_along(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    repos.invites.create(&invite("gone")).await.expect("invited");
    let mut other = invite("stays");
    other.channel = Some(ChannelId::new(5_004));
    repos.invites.create(&other).await.expect("invited");

    repos.guilds.commit(&plan(1, vec![Change::DeleteChannel(TEXT)])).await.expect("committed");

    assert_eq!(repos.invites.list(Some(GUILD)).await.expect("listed"), [other]);
}

pub(crate) async fn a_deleted_guild_takes_its_invites_along_and_no_others(repos: &Repos) {
    repos.guilds.create(&guild()).await.expect("created");
    repos.invites.create(&invite("gone")).await.expect("invited");
    let mut other = invite("instance");
    (other.guild, other.channel) = (None, None);
    repos.invites.create(&other).await.expect("invited");

    repos.guilds.commit(&plan(1, vec![Change::DeleteGuild])).await.expect("committed");

    assert!(repos.guilds.load().await.expect("loaded").is_empty());
    assert!(repos.invites.list(Some(GUILD)).await.expect("listed").is_empty());
    assert_eq!(repos.invites.list(None).await.expect("listed"), [other]);
    let again = repos.guilds.commit(&plan(2, vec![Change::DeleteMember(ANA)])).await;
    assert!(matches!(again, Err(RepoError::NotFound)), "{again:?}");
    repos.guilds.create(&guild()).await.expect("the id is free again");
}
