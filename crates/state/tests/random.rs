//! Thousands of random commands: what a guild must never become, and what nobody may reach, told
//! by a model that knows nothing of how it is done.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::id::RoleId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use proptest::prelude::*;
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::guild::command::ChannelDraft;
use state::guild::command::ChannelPatch;
use state::guild::command::MemberPatch;
use state::guild::command::RolePatch;
use state::guild::command::SettingsPatch;
use state::voice::VoiceCommand;

use support::*;

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a list of a few hundred is no matter")]
enum Step {
    Change(UserId, GuildCommand),
    Voice(VoiceCommand),
}

fn user() -> impl Strategy<Value = UserId> {
    // The owner often: else few commands are allowed.
    prop_oneof![2 => Just(OWNER), 5 => (1_u64..8).prop_map(Id::new)]
}

fn role() -> impl Strategy<Value = RoleId> {
    prop_oneof![1 => Just(EVERYONE), 6 => (101_u64..112).prop_map(Id::new)]
}

fn channel() -> impl Strategy<Value = model::id::ChannelId> {
    (201_u64..210).prop_map(Id::new)
}

fn bits() -> impl Strategy<Value = Permissions> {
    let useful = vec![
        Permissions::VIEW_CHANNEL | Permissions::CONNECT | Permissions::SPEAK,
        Permissions::MANAGE_CHANNELS,
        Permissions::MANAGE_ROLES,
        Permissions::KICK_MEMBERS | Permissions::BAN_MEMBERS,
        Permissions::MOVE_MEMBERS | Permissions::MUTE_MEMBERS,
        Permissions::SEND_MESSAGES,
        Permissions::CONNECT,
        Permissions::VIEW_CHANNEL,
        Permissions::MANAGE_GUILD | Permissions::MANAGE_NICKNAMES,
    ];
    let some = prop::collection::vec(prop::sample::select(useful), 0..4);
    (some, prop::bool::weighted(0.03)).prop_map(|(some, admin)| {
        let sum = some.into_iter().fold(Permissions::empty(), |sum, bits| sum | bits);
        if admin { sum | Permissions::ADMINISTRATOR } else { sum }
    })
}

fn overwrite() -> impl Strategy<Value = PermissionOverwrite> {
    let whose = prop_oneof![
        role().prop_map(|id| (PermissionOverwriteType::Role, id.get())),
        user().prop_map(|id| (PermissionOverwriteType::Member, id.get())),
    ];
    (whose, bits(), bits()).prop_map(|((kind, id), allow, deny)| PermissionOverwrite {
        allow,
        deny,
        id: Id::new(id),
        kind,
    })
}

fn role_patch() -> impl Strategy<Value = RolePatch> {
    let name = prop::option::weighted(0.2, "[a-z]{0,3}");
    (prop::option::of(bits()), name).prop_map(|(permissions, name)| RolePatch {
        permissions,
        name,
        ..RolePatch::default()
    })
}

fn kind() -> impl Strategy<Value = ChannelType> {
    prop::sample::select(vec![
        ChannelType::GuildText,
        ChannelType::GuildVoice,
        ChannelType::GuildStageVoice,
        ChannelType::GuildCategory,
        ChannelType::PublicThread,
    ])
}

fn channel_draft() -> impl Strategy<Value = ChannelDraft> {
    let overwrites = prop::collection::vec(overwrite(), 0..3);
    let parent = prop::option::of(channel());
    let limit = prop::option::of(0_u32..4);
    (channel(), kind(), parent, overwrites, limit).prop_map(
        |(id, kind, parent, overwrites, user_limit)| ChannelDraft {
            parent,
            overwrites,
            user_limit,
            ..support::channel_draft(id.get(), kind, "a channel")
        },
    )
}

fn channel_patch() -> impl Strategy<Value = ChannelPatch> {
    let parent = prop::option::weighted(0.3, prop::option::of(channel()));
    let overwrites = prop::option::weighted(0.3, prop::collection::vec(overwrite(), 0..3));
    (parent, overwrites, prop::option::weighted(0.2, 0_i32..9)).prop_map(
        |(parent, overwrites, position)| ChannelPatch {
            parent,
            overwrites,
            position,
            ..ChannelPatch::default()
        },
    )
}

fn member_patch() -> impl Strategy<Value = MemberPatch> {
    let roles = prop::option::of(prop::collection::vec(role(), 0..3));
    let timeout = prop::option::weighted(0.1, prop::option::of(Just(at(NOW + 60_000))));
    let mute = prop::option::weighted(0.2, any::<bool>());
    let nick = prop::option::weighted(0.3, prop::option::of("[a-z]{0,3}"));
    (roles, timeout, mute, nick).prop_map(|(roles, communication_disabled_until, mute, nick)| {
        MemberPatch {
            roles,
            communication_disabled_until,
            mute,
            nick,
            deaf: mute,
            bypasses_verification: mute,
        }
    })
}

fn settings_patch() -> impl Strategy<Value = SettingsPatch> {
    let owner = prop::option::weighted(0.1, user());
    let afk_channel = prop::option::weighted(0.5, prop::option::of(channel()));
    (owner, afk_channel).prop_map(|(owner, afk_channel)| SettingsPatch {
        owner,
        afk_channel,
        ..SettingsPatch::default()
    })
}

fn command() -> impl Strategy<Value = GuildCommand> {
    let join = (user(), prop::collection::vec(role(), 0..2))
        .prop_map(|(user, roles)| GuildCommand::Join { user, now: at(NOW), roles });
    let moved =
        (channel(), prop::option::of(0..9_i32), prop::option::of(prop::option::of(channel())));
    prop_oneof![
        1 => settings_patch().prop_map(GuildCommand::UpdateSettings),
        3 => channel_draft().prop_map(GuildCommand::CreateChannel),
        2 => (channel(), channel_patch()).prop_map(|(id, p)| GuildCommand::UpdateChannel(id, p)),
        1 => prop::collection::vec(moved, 0..3).prop_map(GuildCommand::MoveChannels),
        1 => channel().prop_map(GuildCommand::DeleteChannel),
        3 => (channel(), overwrite()).prop_map(|(id, o)| GuildCommand::SetOverwrite(id, o)),
        1 => (channel(), role()).prop_map(|(id, r)| GuildCommand::RemoveOverwrite(id, r.get())),
        3 => (role(), role_patch()).prop_map(|(id, patch)| GuildCommand::CreateRole(id, patch)),
        3 => (role(), role_patch()).prop_map(|(id, patch)| GuildCommand::UpdateRole(id, patch)),
        2 => prop::collection::vec((role(), -1_i64..8), 1..3).prop_map(GuildCommand::MoveRoles),
        1 => role().prop_map(GuildCommand::DeleteRole),
        5 => join,
        1 => Just(GuildCommand::Leave),
        5 => (user(), member_patch()).prop_map(|(u, patch)| GuildCommand::UpdateMember(u, patch)),
        1 => user().prop_map(GuildCommand::Kick),
        1 => user().prop_map(|user| GuildCommand::Ban { user, reason: None }),
        2 => user().prop_map(GuildCommand::Unban),
    ]
}

fn voice() -> impl Strategy<Value = VoiceCommand> {
    let update = (user(), prop::option::weighted(0.9, channel()), any::<[bool; 3]>()).prop_map(
        |(user, channel, [self_mute, self_deaf, self_video])| VoiceCommand::Update {
            user,
            session: format!("session of {user}"),
            channel,
            self_mute,
            self_deaf,
            self_video,
        },
    );
    let moved = (user(), user(), prop::option::of(channel()))
        .prop_map(|(actor, target, channel)| VoiceCommand::Move { actor, target, channel });
    let stage =
        (user(), user(), any::<bool>()).prop_map(|(actor, target, suppress)| VoiceCommand::Stage {
            actor,
            target,
            channel: None,
            suppress: Some(suppress),
            request: None,
        });
    prop_oneof![4 => update, 2 => moved, 1 => stage]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (user(), command()).prop_map(|(user, command)| Step::Change(user, command)),
        1 => voice().prop_map(Step::Voice),
    ]
}

/// What is true of every guild at every version.
fn check_shape(guild: &Guild) {
    assert!(guild.members.contains_key(&guild.settings.owner), "the owner is a member");
    let everyone = guild.roles.get(&EVERYONE).expect("@everyone exists");
    assert_eq!((everyone.name.as_str(), everyone.position), ("@everyone", 0));
    for (id, channel) in &guild.channels {
        assert_eq!(*id, channel.id);
        if let Some(parent) = channel.parent_id {
            let parent = guild.channels.get(&parent).expect("the parent exists");
            assert_eq!(parent.kind, ChannelType::GuildCategory, "the parent is a category");
            assert_ne!(channel.kind, ChannelType::GuildCategory, "a category has no parent");
        }
        for overwrite in channel.permission_overwrites.iter().flatten() {
            let role = overwrite.kind == PermissionOverwriteType::Role;
            assert!(!role || guild.roles.contains_key(&overwrite.id.cast()), "of a known role");
        }
    }
    for (id, member) in guild.members.keys().zip(guild.members.values()) {
        assert_eq!(id, member.user);
        assert!(!guild.bans.contains_key(&id), "members are not banned");
        let distinct: BTreeSet<_> = member.roles.iter().collect();
        assert_eq!(distinct.len(), member.roles.len(), "no role twice");
        assert!(member.roles.iter().all(|role| guild.roles.contains_key(role)), "roles exist");
        assert!(!member.roles.contains(&EVERYONE), "@everyone is had by all unsaid");
    }
    for channel in [guild.settings.afk_channel, guild.settings.system_channel].into_iter().flatten()
    {
        assert!(guild.channels.contains_key(&channel), "settings name channels that exist");
    }
    for (user, state) in &guild.voice {
        let member = guild.members.get(user).expect("in voice are only members");
        let channel = state.channel.expect("in voice is in a channel");
        let kind = guild.channels.get(&channel).expect("the channel exists").kind;
        assert!(matches!(kind, ChannelType::GuildVoice | ChannelType::GuildStageVoice));
        let may = guild.permissions_in(*user, channel, u64::MAX);
        assert!(may.has(Permissions::VIEW_CHANNEL | Permissions::CONNECT), "they may be there");
        assert_eq!((state.mute, state.deaf), (member.mute, member.deaf), "moderation is copied");
        if kind == ChannelType::GuildVoice {
            assert_eq!(state.suppress, !may.has(Permissions::SPEAK));
        }
    }
}

/// Position, then age, of the highest role; the model's own reckoning.
fn rank(guild: &Guild, user: UserId) -> (i64, i64) {
    let Some(member) = guild.members.get(&user) else { return (-1, 0) };
    let of = |role: &RoleId| {
        let role = guild.roles.get(role).expect("roles exist");
        (role.position, -i64::try_from(role.id.get()).expect("small"))
    };
    member.roles.iter().chain([&EVERYONE]).map(of).max().expect("at least @everyone")
}

fn role_rank(role: &model::wire::guild::Role) -> (i64, i64) {
    (role.position, -i64::try_from(role.id.get()).expect("small"))
}

fn granted(guild: &Guild, user: UserId) -> Permissions {
    let Some(member) = guild.members.get(&user) else { return Permissions::empty() };
    let mut sum = Permissions::empty();
    for role in member.roles.iter().chain([&EVERYONE]) {
        sum |= guild.roles.get(role).expect("roles exist").permissions;
    }
    if sum.contains(Permissions::ADMINISTRATOR) { model::permissions::ALL } else { sum }
}

/// What `actor` may not have done between two versions, if not the owner.
fn check_reach(before: &Guild, after: &Guild, actor: UserId, command: &GuildCommand) {
    assert!(after.members.contains_key(&before.settings.owner), "the owner stays a member");
    if actor == before.settings.owner {
        return;
    }
    assert_eq!(before.settings.owner, after.settings.owner, "only the owner gives it away");
    let own = rank(before, actor);
    let held = granted(before, actor);
    let deletes = |role| matches!(command, GuildCommand::DeleteRole(id) if *id == role);
    for (id, role) in &after.roles {
        let old = before.roles.get(id);
        if old == Some(role) {
            continue;
        }
        assert!(held.contains(Permissions::MANAGE_ROLES));
        assert!(old.is_none_or(|old| role_rank(old) < own), "changed a role not below");
        assert!(role_rank(role) < own || own.0 == 0, "lifted a role to or over one's own");
        let had = old.map_or(Permissions::empty(), |old| old.permissions);
        assert!(held.contains(role.permissions & !had), "granted what one lacks");
    }
    for (id, role) in &before.roles {
        assert!(after.roles.contains_key(id) || role_rank(role) < own, "deleted a role not below");
    }
    for member in before.members.values() {
        let user = member.user;
        let Some(new) = after.members.get(&user) else {
            assert!(user == actor || rank(before, user) < own, "removed someone not below");
            continue;
        };
        if member == new {
            continue;
        }
        let old_roles: BTreeSet<_> = member.roles.iter().copied().collect();
        let new_roles: BTreeSet<_> = new.roles.iter().copied().collect();
        for role in old_roles.symmetric_difference(&new_roles) {
            let role_below = role_rank(before.roles.get(role).expect("it exists")) < own;
            assert!(role_below || deletes(*role), "gave or took a role not below");
        }
        if member.nick != new.nick
            || member.communication_disabled_until != new.communication_disabled_until
        {
            assert!(user == actor || rank(before, user) < own, "touched someone not below");
        }
    }
    for user in after.members.keys() {
        assert!(before.members.contains_key(&user) || matches!(command, GuildCommand::Join { .. }));
    }
    let visible = |guild: &Guild| guild.channels.clone();
    if visible(before) != visible(after) {
        let managing = Permissions::MANAGE_CHANNELS | Permissions::MANAGE_ROLES;
        let anywhere = before
            .channels
            .keys()
            .fold(held, |sum, channel| sum | before.permissions_in(actor, *channel, NOW).0);
        assert!(anywhere.intersects(managing), "changed channels without managing any");
    }
}

/// The events must tell the whole difference: whoever replays them on `before` gets `after`.
fn replay(before: &Guild, events: &[GuildEvent], after: &Guild) {
    let mut told = before.clone();
    for event in events {
        match event {
            GuildEvent::GuildUpdated => told.settings = Arc::clone(&after.settings),
            GuildEvent::ChannelCreated(channel) => {
                assert!(told.channels.insert(channel.id, Arc::clone(channel)).is_none());
            }
            GuildEvent::ChannelUpdated(channel) => {
                assert!(told.channels.insert(channel.id, Arc::clone(channel)).is_some());
            }
            GuildEvent::ChannelDeleted(channel) => {
                assert!(told.channels.remove(&channel.id).is_some());
                told.live.remove(&channel.id);
            }
            GuildEvent::RoleCreated(role) => {
                assert!(told.roles.insert(role.id, Arc::clone(role)).is_none());
            }
            GuildEvent::RoleUpdated(role) => {
                assert!(told.roles.insert(role.id, Arc::clone(role)).is_some());
            }
            GuildEvent::RoleDeleted(id) => assert!(told.roles.remove(id).is_some()),
            GuildEvent::MemberAdded(member) => {
                assert!(told.members.insert(member.user, Arc::clone(member)).is_none());
            }
            GuildEvent::MemberUpdated(member) => {
                assert!(told.members.insert(member.user, Arc::clone(member)).is_some());
            }
            GuildEvent::MemberRemoved(user) => {
                assert!(told.members.remove(user).is_some());
                assert!(!told.voice.contains_key(user), "they left voice before");
            }
            GuildEvent::VoiceStateUpdated(state) if state.channel.is_some() => {
                told.voice.insert(state.user, Arc::clone(state));
            }
            GuildEvent::VoiceStateUpdated(state) => {
                assert!(told.voice.remove(&state.user).is_some());
            }
            GuildEvent::VoiceStarted { channel, since } => {
                told.live.entry(*channel).or_default().since = *since;
            }
            GuildEvent::VoiceStatusChanged { channel, status } => {
                told.live.entry(*channel).or_default().status.clone_from(status);
            }
            GuildEvent::BanAdded(_) | GuildEvent::BanRemoved(_) => {}
            other => panic!("a change does not tell {other:?}"),
        }
    }
    told.live.retain(|_, live| live.since.is_some() || live.status.is_some());
    assert_eq!(told.live, after.live);
    assert_eq!(told.settings, after.settings);
    assert_eq!(told.channels, after.channels);
    assert_eq!(told.roles, after.roles);
    assert_eq!(told.members, after.members);
    assert_eq!(told.voice, after.voice);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_commands_breaks_a_guild_or_the_hierarchy(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut guild = guild(Permissions::MANAGE_ROLES | Permissions::MANAGE_CHANNELS);
        check_shape(&guild);
        let mut newest_role = 103;
        for step in steps {
            let (after, events) = match step {
                Step::Change(actor, mut command) => {
                    // Ids grow with time, and age breaks ties of rank.
                    if let GuildCommand::CreateRole(id, _) = &mut command {
                        newest_role += 1;
                        *id = Id::new(newest_role);
                    }
                    let Ok(plan) = guild.plan(actor, &command, NOW) else { continue };
                    let (after, events) = guild.apply(&plan);
                    prop_assert_eq!(after.version, guild.version + 1);
                    check_reach(&guild, &after, actor, &command);
                    (after, events)
                }
                Step::Voice(command) => {
                    let Ok((after, events, _)) = guild.voice_command(&command, NOW) else { continue };
                    prop_assert_eq!(after.version, guild.version);
                    (after, events)
                }
            };
            check_shape(&after);
            replay(&guild, &events, &after);
            guild = after;
        }
    }
}
