//! Guilds, people and viewers for this folder's unit tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::gateway::Intents;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::Publication;
use state::audit::AuditAction;
use state::audit::AuditDraft;
use state::audit::AuditEntry;
use state::audit::By;
use state::automod::Execution;
use state::automod::rule::Rule;
use state::guild::command::GuildDraft;
use state::guild::command::RolePatch;
use state::record::MessageRecord;
use state::record::SoundRecord;
use state::record::UserRecord;
use state::scheduled::EventPlace;
use state::scheduled::EventStatus;
use state::scheduled::ScheduledEventRecord;
use state::users::Users;

use super::filter::GatewayShard;
use super::filter::Viewer;
use crate::cdn::Origin;
use crate::config::SignalingConfig;

pub(super) const ANA: UserId = UserId::new(1);
pub(super) const BEN: UserId = UserId::new(2);
pub(super) const CAI: UserId = UserId::new(3);
pub(super) const SCRIBES: RoleId = RoleId::new(20);

/// Ana's guild with Ben and Cai in it, and the role of scribes that nobody has.
pub(super) fn guild() -> Guild {
    guild_of(GuildId::new(10))
}

/// As [`guild`], with another id.
pub(super) fn guild_of(id: GuildId) -> Guild {
    let now = Timestamp::from_secs(1_700_000_000).unwrap();
    let draft = GuildDraft {
        id,
        name: "Hall".to_owned(),
        owner: ANA,
        icon: None,
        now,
        channel_ids: [11, 12, 13, 14].map(ChannelId::new),
    };
    let mut guild = Guild::found(draft).unwrap();
    for user in [BEN, CAI] {
        guild = apply(&guild, user, &GuildCommand::Join { user, now, roles: vec![] });
    }
    apply(&guild, ANA, &GuildCommand::CreateRole(SCRIBES, RolePatch::default()))
}

/// An entry of the guild's audit log: Ana renamed the text channel.
pub(super) fn entry(guild: &Guild) -> Arc<AuditEntry> {
    let what = AuditDraft::new(&By::from(ANA), AuditAction::ChannelUpdate, Some(text(guild).get()))
        .changing(&serde_json::json!({ "name": "old" }), &serde_json::json!({ "name": "new" }));
    Arc::new(AuditEntry { id: model::id::AuditId::new(800), guild: guild.id, what })
}

/// A rule that blocks a word.
pub(super) fn rule() -> Arc<Rule> {
    let record = serde_json::from_value(serde_json::json!({
        "id": "700", "name": "No boats", "creator": "1", "enabled": true,
        "trigger": { "kind": "keyword", "keywords": ["boat"] },
        "actions": [{ "kind": "block", "message": "No." }],
    }));
    Arc::new(Rule::new(record.unwrap()).unwrap())
}

/// That rule blocked what Ben said.
pub(super) fn executed(guild: &Guild) -> Arc<Execution> {
    let rule = rule();
    Arc::new(Execution {
        rule: rule.record.id,
        trigger: 1,
        action: rule.record.actions[0].clone(),
        user: BEN,
        channel: Some(text(guild)),
        message: None,
        alert: None,
        content: "a boat".to_owned(),
        keyword: Some("boat".to_owned()),
        matched: Some("boat".to_owned()),
    })
}
/// A sound of Ana's.
pub(super) fn quack() -> Arc<SoundRecord> {
    Arc::new(SoundRecord {
        id: model::id::SoundId::new(600),
        name: "quack".to_owned(),
        volume: 0.5,
        emoji: None,
        emoji_name: Some("🦆".to_owned()),
        user: ANA,
    })
}

/// Something that Ana plans in a channel.
pub(super) fn planned(channel: ChannelId) -> Arc<ScheduledEventRecord> {
    Arc::new(ScheduledEventRecord {
        id: model::id::ScheduledEventId::new(700),
        creator: ANA,
        name: "Bread".to_owned(),
        description: None,
        image: None,
        start_ms: 1_900_000_000_000,
        end_ms: None,
        status: EventStatus::Scheduled,
        place: EventPlace::Voice(channel),
        stage: None,
        recurrence: None,
        over_ms: None,
        empty_ms: None,
        exceptions: BTreeMap::new(),
    })
}

pub(super) fn apply(guild: &Guild, actor: UserId, command: &GuildCommand) -> Guild {
    let plan = guild.plan(actor, command, 0).unwrap();
    guild.apply(&plan).0
}

/// Every event that a command makes.
pub(super) fn publications(
    guild: &Guild,
    actor: UserId,
    command: &GuildCommand,
) -> Vec<Publication> {
    let plan = guild.plan(actor, command, 0).unwrap();
    let (after, events) = guild.apply(&plan);
    events.into_iter().map(|event| publish(event, guild, &after)).collect()
}

pub(super) fn publish(event: GuildEvent, before: &Guild, after: &Guild) -> Publication {
    Publication::new(event, Arc::new(before.clone()), Arc::new(after.clone()))
}

pub(super) fn text(guild: &Guild) -> ChannelId {
    guild.settings.system_channel.unwrap()
}

pub(super) fn voice(guild: &Guild) -> ChannelId {
    let kind = model::wire::channel::ChannelType::GuildVoice;
    guild.channels.values().find(|channel| channel.kind == kind).unwrap().id
}

/// Takes a channel out of everyone's sight.
pub(super) fn hide(channel: ChannelId) -> GuildCommand {
    overwrite(channel, RoleId::new(10), Permissions::empty(), Permissions::VIEW_CHANNEL)
}

pub(super) fn overwrite(
    channel: ChannelId,
    role: RoleId,
    allow: Permissions,
    deny: Permissions,
) -> GuildCommand {
    let kind = PermissionOverwriteType::Role;
    GuildCommand::SetOverwrite(channel, PermissionOverwrite { allow, deny, id: role.cast(), kind })
}

pub(super) fn viewer(user: UserId, intents: Intents) -> Viewer {
    let origin = Origin::new(&SignalingConfig::default(), "localhost", true);
    let shard = GatewayShard::WHOLE;
    Viewer { user, bot: true, intents, shard, large_threshold: 50, origin }
}

/// Something that Ana said.
pub(super) fn message(guild: &Guild) -> MessageRecord {
    serde_json::from_value(serde_json::json!({
        "id": "99", "channel": text(guild), "guild": guild.id, "author": "1",
        "kind": 0, "content": "hail",
    }))
    .unwrap()
}

/// Where a virtual clock begins.
pub(super) fn start() -> std::time::Instant {
    super::socket::now()
}

/// An account cache on an empty store.
pub(super) fn users() -> Arc<Users> {
    Arc::new(Users::new(storage::memory().accounts))
}

pub(super) fn user(id: UserId, name: &str) -> Arc<UserRecord> {
    Arc::new(UserRecord {
        id,
        username: name.to_owned(),
        global_name: None,
        avatar: None,
        bot: false,
        flags: 0,
    })
}
