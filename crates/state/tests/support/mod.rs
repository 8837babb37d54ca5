//! People and a guild to change, shared by this crate's tests.
#![allow(dead_code, reason = "each test binary uses what it needs")]

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use state::Denied;
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::guild::command::ChannelDraft;
use state::guild::command::ForumPatch;
use state::guild::command::GuildDraft;
use state::guild::command::MemberPatch;
use state::guild::command::RolePatch;

pub(crate) const OWNER: UserId = Id::new(1);
/// Has the role [`MOD`].
pub(crate) const ANA: UserId = Id::new(2);
/// Has no role.
pub(crate) const BEN: UserId = Id::new(3);
/// Has the role [`TOP`].
pub(crate) const CAI: UserId = Id::new(4);
/// Not a member.
pub(crate) const DAN: UserId = Id::new(5);

pub(crate) const GUILD: GuildId = Id::new(50);
pub(crate) const EVERYONE: RoleId = Id::new(50);
/// Position 1, grants nothing.
pub(crate) const LOW: RoleId = Id::new(101);
/// Position 5, Ana's; grants nothing at first.
pub(crate) const MOD: RoleId = Id::new(102);
/// Position 9, Cai's.
pub(crate) const TOP: RoleId = Id::new(103);

pub(crate) const CATEGORY: ChannelId = Id::new(201);
pub(crate) const TEXT: ChannelId = Id::new(202);
pub(crate) const VOICE_CATEGORY: ChannelId = Id::new(203);
pub(crate) const VOICE: ChannelId = Id::new(204);

/// The time of all tests, in Unix milliseconds.
pub(crate) const NOW: u64 = 1_790_000_000_000;

pub(crate) fn at(unix_ms: u64) -> Timestamp {
    let micros = i64::try_from(unix_ms * 1_000).expect("a time before the year 292,000");
    Timestamp::from_micros(micros).expect("a time")
}

pub(crate) fn draft() -> GuildDraft {
    GuildDraft {
        id: GUILD,
        name: "Harbour".to_owned(),
        owner: OWNER,
        icon: None,
        now: at(NOW),
        channel_ids: [CATEGORY, TEXT, VOICE_CATEGORY, VOICE],
    }
}

/// The guild after a command that must be allowed.
pub(crate) fn done(
    guild: &Guild,
    actor: UserId,
    command: &GuildCommand,
) -> (Guild, Vec<GuildEvent>) {
    let plan = guild.plan(actor, command, NOW).unwrap_or_else(|denied| {
        panic!("{command:?} was denied: {denied}");
    });
    guild.apply(&plan)
}

/// The guild of these tests; Ana's role grants `granted`.
pub(crate) fn guild(granted: Permissions) -> Guild {
    let mut guild = Guild::found(draft()).expect("the draft is valid");
    for (id, position, permissions) in
        [(LOW, 1, Permissions::empty()), (MOD, 5, granted), (TOP, 9, Permissions::empty())]
    {
        let patch = RolePatch { permissions: Some(permissions), ..RolePatch::default() };
        guild = done(&guild, OWNER, &GuildCommand::CreateRole(id, patch)).0;
        let mut role = (**guild.roles.get(&id).expect("made")).clone();
        role.position = position;
        guild.roles.insert(id, Arc::new(role));
    }
    for (user, roles) in [(ANA, vec![MOD]), (BEN, vec![]), (CAI, vec![TOP])] {
        let join = GuildCommand::Join { user, now: at(NOW), roles };
        guild = done(&guild, user, &join).0;
    }
    guild
}

pub(crate) fn denied(guild: &Guild, actor: UserId, command: &GuildCommand) -> Denied {
    match guild.plan(actor, command, NOW) {
        Ok(plan) => panic!("{command:?} was allowed: {plan:?}"),
        Err(denied) => denied,
    }
}

#[track_caller]
pub(crate) fn assert_code(guild: &Guild, actor: UserId, command: &GuildCommand, code: ErrorCode) {
    assert_eq!(denied(guild, actor, command), Denied::Code(code), "{command:?}");
}

#[track_caller]
pub(crate) fn assert_field(
    guild: &Guild,
    actor: UserId,
    command: &GuildCommand,
    path: &str,
) -> String {
    match denied(guild, actor, command) {
        Denied::Field { field, message, code } => {
            assert_eq!(field, path);
            format!("{code}: {message}")
        }
        denied @ Denied::Code(_) => panic!("{command:?}: {denied}"),
    }
}

pub(crate) fn channel_draft(id: u64, kind: ChannelType, name: &str) -> ChannelDraft {
    ChannelDraft {
        id: Id::new(id),
        kind,
        name: name.to_owned(),
        parent: None,
        topic: None,
        position: None,
        bitrate: None,
        user_limit: None,
        rate_limit_per_user: None,
        nsfw: false,
        overwrites: Vec::new(),
        forum: ForumPatch::default(),
    }
}

pub(crate) fn nick(nick: &str) -> MemberPatch {
    MemberPatch { nick: Some(Some(nick.to_owned())), ..MemberPatch::default() }
}
