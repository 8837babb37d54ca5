//! Discord's rules for changing a guild: who may, what may be, what goes along.

mod support;

use model::error_code::ErrorCode;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::guild::command::ChannelDraft;
use state::guild::command::ChannelPatch;
use state::guild::command::GuildDraft;
use state::guild::command::MemberPatch;
use state::guild::command::RolePatch;
use state::guild::command::SettingsPatch;

use support::*;

fn role_of(name: &str) -> RolePatch {
    RolePatch { name: Some(name.to_owned()), ..RolePatch::default() }
}

fn granting(permissions: Permissions) -> RolePatch {
    RolePatch { permissions: Some(permissions), ..RolePatch::default() }
}

fn roles(roles: &[model::id::RoleId]) -> MemberPatch {
    MemberPatch { roles: Some(roles.to_vec()), ..MemberPatch::default() }
}

fn over_role(id: model::id::RoleId, allow: Permissions, deny: Permissions) -> PermissionOverwrite {
    PermissionOverwrite { allow, deny, id: id.cast(), kind: PermissionOverwriteType::Role }
}

const NONE: Permissions = Permissions::empty();

// Founding.

#[test]
fn a_new_guild_has_what_people_expect() {
    let guild = Guild::found(draft()).expect("valid");

    let shape: Vec<_> = guild
        .channels
        .values()
        .map(|c| (c.kind, c.name.as_deref().unwrap_or_default(), c.parent_id))
        .collect();
    assert_eq!(
        shape,
        [
            (ChannelType::GuildCategory, "Text channels", None),
            (ChannelType::GuildText, "general", Some(CATEGORY)),
            (ChannelType::GuildCategory, "Voice channels", None),
            (ChannelType::GuildVoice, "General", Some(VOICE_CATEGORY)),
        ]
    );
    assert_eq!(guild.version, 1);
    assert_eq!(guild.settings.system_channel, Some(TEXT));
    assert_eq!(guild.channels.get(&VOICE).and_then(|voice| voice.bitrate), Some(64_000));
    let everyone = guild.roles.get(&EVERYONE).expect("it has one");
    assert_eq!(everyone.name, "@everyone");
    assert!(
        everyone
            .permissions
            .contains(Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES | Permissions::SPEAK)
    );
    assert!(!everyone.permissions.intersects(
        Permissions::ADMINISTRATOR | Permissions::MANAGE_MESSAGES | Permissions::KICK_MEMBERS
    ));
}

#[test]
fn a_guilds_name_has_two_to_a_hundred_characters() {
    for (name, fits) in [
        ("ab", true),
        (&*"é".repeat(100), true),
        ("a", false),
        (&*"a".repeat(101), false),
        ("  a ", false),
    ] {
        let founded = Guild::found(GuildDraft { name: name.to_owned(), ..draft() });
        assert_eq!(founded.is_ok(), fits, "{name}");
    }
}

// Who may at all.

#[test]
fn without_a_permission_every_command_of_management_is_denied() {
    let guild = guild(NONE);
    let channel = channel_draft(300, ChannelType::GuildText, "x");
    for command in [
        GuildCommand::UpdateSettings(SettingsPatch::default()),
        GuildCommand::CreateChannel(channel),
        GuildCommand::UpdateChannel(TEXT, ChannelPatch::default()),
        GuildCommand::MoveChannels(vec![]),
        GuildCommand::DeleteChannel(TEXT),
        GuildCommand::SetOverwrite(TEXT, over_role(LOW, NONE, NONE)),
        GuildCommand::RemoveOverwrite(TEXT, LOW.get()),
        GuildCommand::CreateRole(Id::new(300), RolePatch::default()),
        GuildCommand::UpdateRole(LOW, RolePatch::default()),
        GuildCommand::MoveRoles(vec![]),
        GuildCommand::DeleteRole(LOW),
        GuildCommand::UpdateMember(BEN, nick("x")),
        GuildCommand::UpdateMember(BEN, roles(&[])),
        GuildCommand::Kick(BEN),
        GuildCommand::Ban { user: BEN, reason: None },
        GuildCommand::Unban(DAN),
    ] {
        assert_code(&guild, ANA, &command, ErrorCode::MissingPermissions);
        assert_code(&guild, DAN, &command, ErrorCode::MissingAccess);
    }
    assert_code(&guild, ANA, &GuildCommand::Delete, ErrorCode::OwnerOnly);
}

#[test]
fn a_timeout_stops_moderators_too_until_it_ends() {
    let guild = guild(Permissions::KICK_MEMBERS | Permissions::MODERATE_MEMBERS);
    let until = MemberPatch {
        communication_disabled_until: Some(Some(at(NOW + 60_000))),
        ..MemberPatch::default()
    };
    let guild = done(&guild, OWNER, &GuildCommand::UpdateMember(ANA, until)).0;
    let kick = GuildCommand::Kick(BEN);

    assert_code(&guild, ANA, &kick, ErrorCode::MissingPermissions);
    assert!(guild.plan(ANA, &kick, NOW + 60_000).is_ok());
}

// Settings.

#[test]
fn only_the_owner_gives_the_guild_away_and_only_to_a_member() {
    let guild = guild(Permissions::ADMINISTRATOR);
    let to = |owner| {
        GuildCommand::UpdateSettings(SettingsPatch { owner: Some(owner), ..Default::default() })
    };

    assert_code(&guild, ANA, &to(ANA), ErrorCode::MissingPermissions);
    assert_code(&guild, OWNER, &to(DAN), ErrorCode::UnknownMember);
    let (guild, events) = done(&guild, OWNER, &to(BEN));
    assert_eq!(guild.settings.owner, BEN);
    assert_eq!(events, [GuildEvent::GuildUpdated]);
}

#[test]
fn settings_name_only_channels_that_fit() {
    let guild = guild(NONE);
    let patch = |afk, system| {
        GuildCommand::UpdateSettings(SettingsPatch {
            afk_channel: afk,
            system_channel: system,
            ..SettingsPatch::default()
        })
    };

    assert_field(&guild, OWNER, &patch(Some(Some(TEXT)), None), "afk_channel_id");
    assert_field(&guild, OWNER, &patch(None, Some(Some(VOICE))), "system_channel_id");
    assert_field(&guild, OWNER, &patch(None, Some(Some(Id::new(9)))), "system_channel_id");
    done(&guild, OWNER, &patch(Some(Some(VOICE)), Some(None)));
}

// Channels.

#[test]
fn text_channels_are_lower_cased_with_dashes_and_voice_channels_are_not() {
    let guild = guild(Permissions::MANAGE_CHANNELS);
    for (kind, name) in [
        (ChannelType::GuildText, "big-ÖFEN-talk".to_lowercase()),
        (ChannelType::GuildVoice, "Big  ÖFEN talk".to_owned()),
    ] {
        let draft = channel_draft(300, kind, " Big  ÖFEN talk ");
        let guild = done(&guild, ANA, &GuildCommand::CreateChannel(draft)).0;
        let made = guild.channels.get(&Id::new(300)).expect("made");
        assert_eq!(made.name.as_deref(), Some(name.as_str()));
    }
}

#[test]
fn what_a_channel_cannot_be_is_named_by_its_field() {
    let guild = guild(NONE);
    let create = GuildCommand::CreateChannel;
    let voice = || channel_draft(300, ChannelType::GuildVoice, "v");

    let long = create(ChannelDraft { name: "a".repeat(101), ..voice() });
    assert_eq!(
        assert_field(&guild, OWNER, &long, "name"),
        "BASE_TYPE_BAD_LENGTH: Must be between 1 and 100 in length."
    );
    let blank = create(ChannelDraft { name: "  ".to_owned(), ..voice() });
    assert_field(&guild, OWNER, &blank, "name");
    let slow = create(ChannelDraft { bitrate: Some(7_999), ..voice() });
    assert_eq!(
        assert_field(&guild, OWNER, &slow, "bitrate"),
        "NUMBER_TYPE_MIN: int value should be greater than or equal to 8000."
    );
    let fast = create(ChannelDraft { bitrate: Some(384_001), ..voice() });
    assert_field(&guild, OWNER, &fast, "bitrate");
    let crowd = create(ChannelDraft { user_limit: Some(100), ..voice() });
    assert_field(&guild, OWNER, &crowd, "user_limit");
    let thread = create(ChannelDraft { kind: ChannelType::PublicThread, ..voice() });
    assert_field(&guild, OWNER, &thread, "type");
    for parent in [TEXT, Id::new(9)] {
        let under = create(ChannelDraft { parent: Some(parent), ..voice() });
        assert_field(&guild, OWNER, &under, "parent_id");
    }
    let nested = ChannelDraft {
        parent: Some(CATEGORY),
        ..channel_draft(300, ChannelType::GuildCategory, "c")
    };
    assert_field(&guild, OWNER, &create(nested), "parent_id");
}

#[test]
fn a_guild_has_at_most_500_channels_and_a_category_fifty() {
    let mut guild = guild(NONE);
    for n in 0..49 {
        let parent = Some(CATEGORY);
        let child =
            ChannelDraft { parent, ..channel_draft(1_000 + n, ChannelType::GuildText, "t") };
        guild = done(&guild, OWNER, &GuildCommand::CreateChannel(child)).0;
    }
    let one_more =
        ChannelDraft { parent: Some(CATEGORY), ..channel_draft(300, ChannelType::GuildText, "t") };

    assert_field(&guild, OWNER, &GuildCommand::CreateChannel(one_more), "parent_id");
    let in_by_moving = GuildCommand::MoveChannels(vec![(VOICE, None, Some(Some(CATEGORY)))]);
    assert_field(&guild, OWNER, &in_by_moving, "parent_id");

    for n in u64::try_from(guild.channels.len()).expect("few")..500 {
        let free = channel_draft(2_000 + n, ChannelType::GuildText, "t");
        guild = done(&guild, OWNER, &GuildCommand::CreateChannel(free)).0;
    }
    let last = GuildCommand::CreateChannel(channel_draft(300, ChannelType::GuildText, "t"));
    assert_code(&guild, OWNER, &last, ErrorCode::MaximumChannels);
}

#[test]
fn a_new_channel_is_last_of_its_like_and_as_private_as_its_category() {
    let guild = guild(Permissions::MANAGE_CHANNELS);
    let hide = over_role(EVERYONE, NONE, Permissions::VIEW_CHANNEL);
    let guild = done(&guild, OWNER, &GuildCommand::SetOverwrite(CATEGORY, hide)).0;
    let child =
        ChannelDraft { parent: Some(CATEGORY), ..channel_draft(300, ChannelType::GuildText, "t") };

    let guild = done(&guild, ANA, &GuildCommand::CreateChannel(child)).0;

    let made = guild.channels.get(&Id::new(300)).expect("made");
    assert_eq!(made.permission_overwrites.as_deref(), Some(&[hide][..]));
    assert_eq!(made.position, Some(1));
    assert!(!guild.permissions_in(BEN, made.id, NOW).has(Permissions::VIEW_CHANNEL));
}

#[test]
fn deleting_a_category_frees_its_children() {
    let guild = guild(NONE);

    let (guild, events) = done(&guild, OWNER, &GuildCommand::DeleteChannel(CATEGORY));

    assert_eq!(guild.channels.get(&TEXT).and_then(|text| text.parent_id), None);
    assert!(matches!(events[0], GuildEvent::ChannelUpdated(ref text) if text.id == TEXT));
    assert!(matches!(events[1], GuildEvent::ChannelDeleted(ref gone) if gone.id == CATEGORY));
}

#[test]
fn deleting_a_channel_takes_it_out_of_the_settings() {
    let guild = guild(NONE);

    let guild = done(&guild, OWNER, &GuildCommand::DeleteChannel(TEXT)).0;

    assert_eq!(guild.settings.system_channel, None);
}

#[test]
fn who_cannot_see_a_channel_cannot_change_it_and_is_told_no_more() {
    let guild = guild(Permissions::MANAGE_CHANNELS | Permissions::MANAGE_ROLES);
    let hide = over_role(EVERYONE, NONE, Permissions::VIEW_CHANNEL);
    let guild = done(&guild, OWNER, &GuildCommand::SetOverwrite(TEXT, hide)).0;

    for command in [
        GuildCommand::UpdateChannel(TEXT, ChannelPatch::default()),
        GuildCommand::DeleteChannel(TEXT),
        GuildCommand::RemoveOverwrite(TEXT, EVERYONE.get()),
    ] {
        assert_code(&guild, ANA, &command, ErrorCode::MissingAccess);
    }
}

// Overwrites.

#[test]
fn an_overwrite_changes_only_bits_that_its_maker_holds() {
    let held = Permissions::MANAGE_ROLES | Permissions::MANAGE_MESSAGES;
    let guild = guild(held);
    let set = |allow, deny| GuildCommand::SetOverwrite(TEXT, over_role(LOW, allow, deny));

    let lacking = Permissions::MANAGE_WEBHOOKS;
    assert_code(&guild, ANA, &set(lacking, NONE), ErrorCode::MissingPermissions);
    assert_code(&guild, ANA, &set(NONE, lacking), ErrorCode::MissingPermissions);
    assert_code(&guild, ANA, &set(Permissions::MANAGE_ROLES, NONE), ErrorCode::MissingPermissions);
    let guild = done(&guild, ANA, &set(Permissions::MANAGE_MESSAGES, NONE)).0;

    // What an administrator denied, she cannot open by taking the overwrite away.
    let guild = done(&guild, OWNER, &set(NONE, lacking)).0;
    let remove = GuildCommand::RemoveOverwrite(TEXT, LOW.get());
    assert_code(&guild, ANA, &remove, ErrorCode::MissingPermissions);
    let guild = done(&guild, OWNER, &remove).0;
    assert_code(&guild, OWNER, &remove, ErrorCode::UnknownOverwrite);
}

#[test]
fn an_overwrite_names_a_role_that_exists_or_a_person() {
    let guild = guild(NONE);
    let unknown = over_role(Id::new(999), Permissions::SEND_MESSAGES, NONE);
    let person = PermissionOverwrite { kind: PermissionOverwriteType::Member, ..unknown };

    let set = GuildCommand::SetOverwrite(TEXT, unknown);
    assert_code(&guild, OWNER, &set, ErrorCode::UnknownOverwrite);
    done(&guild, OWNER, &GuildCommand::SetOverwrite(TEXT, person));
}

#[test]
fn changing_a_channels_overwrites_needs_manage_roles_beside_manage_channels() {
    let guild = guild(Permissions::MANAGE_CHANNELS);
    let patch = ChannelPatch { overwrites: Some(vec![]), ..ChannelPatch::default() };

    let command = GuildCommand::UpdateChannel(TEXT, patch);

    assert_code(&guild, ANA, &command, ErrorCode::MissingPermissions);
}

// Roles.

#[test]
fn nobody_grants_what_they_lack() {
    let guild = guild(Permissions::MANAGE_ROLES);
    let admin = granting(Permissions::ADMINISTRATOR);

    let create = GuildCommand::CreateRole(Id::new(300), admin.clone());
    assert_code(&guild, ANA, &create, ErrorCode::MissingPermissions);
    let update = GuildCommand::UpdateRole(LOW, admin);
    assert_code(&guild, ANA, &update, ErrorCode::MissingPermissions);
    done(&guild, ANA, &GuildCommand::UpdateRole(LOW, granting(Permissions::MANAGE_ROLES)));
}

#[test]
fn roles_at_or_above_ones_own_are_out_of_reach() {
    let guild = guild(Permissions::ADMINISTRATOR);
    for role in [MOD, TOP] {
        for command in [
            GuildCommand::UpdateRole(role, role_of("x")),
            GuildCommand::DeleteRole(role),
            GuildCommand::MoveRoles(vec![(role, 1)]),
            GuildCommand::UpdateMember(BEN, roles(&[role])),
        ] {
            assert_code(&guild, ANA, &command, ErrorCode::MissingPermissions);
        }
    }
    let raise = GuildCommand::MoveRoles(vec![(LOW, 5)]);
    assert_code(&guild, ANA, &raise, ErrorCode::MissingPermissions);
    done(&guild, ANA, &GuildCommand::MoveRoles(vec![(LOW, 4)]));
    done(&guild, OWNER, &GuildCommand::MoveRoles(vec![(LOW, 50)]));
}

#[test]
fn everyone_can_be_changed_but_neither_renamed_nor_deleted_nor_moved() {
    let guild = guild(Permissions::ADMINISTRATOR);

    done(&guild, ANA, &GuildCommand::UpdateRole(EVERYONE, granting(NONE)));
    let rename = GuildCommand::UpdateRole(EVERYONE, role_of("people"));
    assert_code(&guild, ANA, &rename, ErrorCode::InvalidRole);
    assert_code(&guild, ANA, &GuildCommand::DeleteRole(EVERYONE), ErrorCode::InvalidRole);
    let moved = GuildCommand::MoveRoles(vec![(EVERYONE, 3)]);
    assert_code(&guild, ANA, &moved, ErrorCode::InvalidRole);
}

#[test]
fn a_new_role_is_below_its_makers() {
    let guild = guild(Permissions::MANAGE_ROLES);

    let guild = done(&guild, ANA, &GuildCommand::CreateRole(Id::new(300), role_of("new"))).0;

    assert!(guild.outranks_role(ANA, Id::new(300)));
    done(&guild, ANA, &GuildCommand::DeleteRole(Id::new(300)));
}

#[test]
fn deleting_a_role_takes_it_from_members_and_channels() {
    let guild = guild(NONE);
    let set = GuildCommand::SetOverwrite(TEXT, over_role(MOD, NONE, Permissions::SEND_MESSAGES));
    let guild = done(&guild, OWNER, &set).0;

    let (guild, events) = done(&guild, OWNER, &GuildCommand::DeleteRole(MOD));

    assert!(guild.members.get(&ANA).expect("a member").roles.is_empty());
    let text = guild.channels.get(&TEXT).expect("a channel");
    assert_eq!(text.permission_overwrites.as_deref(), Some(&[][..]));
    assert!(matches!(events[0], GuildEvent::MemberUpdated(_)));
    assert!(matches!(events[1], GuildEvent::ChannelUpdated(_)));
    assert_eq!(events[2..], [GuildEvent::RoleDeleted(MOD)]);
}

#[test]
fn a_guild_has_at_most_250_roles() {
    let mut guild = guild(NONE);
    for n in u64::try_from(guild.roles.len()).expect("few")..250 {
        guild = done(&guild, OWNER, &GuildCommand::CreateRole(Id::new(1_000 + n), role_of("r"))).0;
    }

    let last = GuildCommand::CreateRole(Id::new(300), role_of("r"));

    assert_code(&guild, OWNER, &last, ErrorCode::MaximumRoles);
}

// Members.

#[test]
fn the_banned_do_not_come_back_until_the_ban_is_lifted() {
    let guild = guild(Permissions::BAN_MEMBERS);
    let (guild, events) = done(&guild, ANA, &GuildCommand::Ban { user: BEN, reason: None });
    let join = GuildCommand::Join { user: BEN, now: at(NOW), roles: vec![] };

    assert_eq!(events, [GuildEvent::BanAdded(BEN), GuildEvent::MemberRemoved(BEN)]);
    assert_code(&guild, BEN, &join, ErrorCode::BannedFromGuild);
    let (guild, events) = done(&guild, ANA, &GuildCommand::Unban(BEN));
    assert_eq!(events, [GuildEvent::BanRemoved(BEN)]);
    assert_code(&guild, ANA, &GuildCommand::Unban(BEN), ErrorCode::UnknownBan);
    assert!(matches!(done(&guild, BEN, &join).1[..], [GuildEvent::MemberAdded(_)]));
}

#[test]
fn who_never_came_can_be_banned() {
    let guild = guild(Permissions::BAN_MEMBERS);
    let ban = GuildCommand::Ban { user: DAN, reason: Some("known elsewhere".to_owned()) };

    let (guild, events) = done(&guild, ANA, &ban);

    assert_eq!(events, [GuildEvent::BanAdded(DAN)]);
    assert!(guild.plan(ANA, &ban, NOW).expect("allowed").changes.is_empty());
}

#[test]
fn nobody_removes_those_at_or_above_themselves() {
    let guild = guild(Permissions::ADMINISTRATOR);
    for target in [OWNER, CAI, ANA] {
        for command in
            [GuildCommand::Kick(target), GuildCommand::Ban { user: target, reason: None }]
        {
            assert_code(&guild, ANA, &command, ErrorCode::MissingPermissions);
        }
    }
    assert_code(&guild, ANA, &GuildCommand::Kick(DAN), ErrorCode::UnknownMember);
}

#[test]
fn everyone_may_leave_but_the_owner() {
    let guild = guild(NONE);

    assert_code(&guild, OWNER, &GuildCommand::Leave, ErrorCode::MissingPermissions);
    let (guild, events) = done(&guild, BEN, &GuildCommand::Leave);
    assert_eq!(events, [GuildEvent::MemberRemoved(BEN)]);
    assert!(!guild.members.contains_key(&BEN));
}

#[test]
fn joining_twice_changes_nothing() {
    let guild = guild(NONE);
    let join = GuildCommand::Join { user: BEN, now: at(NOW + 1), roles: vec![MOD] };

    assert!(guild.plan(BEN, &join, NOW).expect("allowed").changes.is_empty());
}

#[test]
fn ones_own_nick_needs_less_than_anothers() {
    let guild = guild(Permissions::MANAGE_NICKNAMES);
    let update = |user| GuildCommand::UpdateMember(user, nick(" Captain "));

    let guild = done(&guild, BEN, &update(BEN)).0;
    assert_eq!(
        guild.members.get(&BEN).and_then(|ben| ben.nick.clone()).as_deref(),
        Some("Captain")
    );
    assert_code(&guild, BEN, &update(ANA), ErrorCode::MissingPermissions);
    assert_code(&guild, ANA, &update(CAI), ErrorCode::MissingPermissions);
    let none = MemberPatch { nick: Some(Some(String::new())), ..MemberPatch::default() };
    let guild = done(&guild, ANA, &GuildCommand::UpdateMember(BEN, none)).0;
    assert_eq!(guild.members.get(&BEN).and_then(|ben| ben.nick.clone()).as_deref(), None);

    let everyone = guild.roles.get(&EVERYONE).expect("there").permissions;
    let silent = granting(everyone & !Permissions::CHANGE_NICKNAME);
    let guild = done(&guild, OWNER, &GuildCommand::UpdateRole(EVERYONE, silent)).0;
    assert_code(&guild, BEN, &update(BEN), ErrorCode::MissingPermissions);
    let long = GuildCommand::UpdateMember(BEN, nick(&"a".repeat(33)));
    assert_field(&guild, OWNER, &long, "nick");
}

#[test]
fn roles_are_given_from_below_and_must_exist() {
    let guild = guild(Permissions::MANAGE_ROLES);

    let given = GuildCommand::UpdateMember(BEN, roles(&[LOW, LOW, EVERYONE]));
    let guild = done(&guild, ANA, &given).0;
    assert_eq!(guild.members.get(&BEN).expect("a member").roles, [LOW]);
    let unknown = GuildCommand::UpdateMember(BEN, roles(&[Id::new(999)]));
    assert_code(&guild, ANA, &unknown, ErrorCode::UnknownRole);
    // Giving Cai a low role while keeping the high one is fine; taking the high one is not.
    done(&guild, ANA, &GuildCommand::UpdateMember(CAI, roles(&[LOW, TOP])));
    let taken = GuildCommand::UpdateMember(CAI, roles(&[LOW]));
    assert_code(&guild, ANA, &taken, ErrorCode::MissingPermissions);
}

#[test]
fn a_timeout_is_bounded_and_spares_administrators_and_those_above() {
    let guild = guild(Permissions::MODERATE_MEMBERS);
    let until = |user, ms| {
        let until = Some(Some(at(ms)));
        let patch = MemberPatch { communication_disabled_until: until, ..MemberPatch::default() };
        GuildCommand::UpdateMember(user, patch)
    };
    let month = u64::try_from(limits::TIMEOUT.as_millis()).expect("short");

    done(&guild, ANA, &until(BEN, NOW + month));
    let long = until(BEN, NOW + month + 120_000);
    assert_field(&guild, ANA, &long, "communication_disabled_until");
    assert_code(&guild, ANA, &until(CAI, NOW + 1_000), ErrorCode::MissingPermissions);
    assert_code(&guild, ANA, &until(ANA, NOW + 1_000), ErrorCode::MissingPermissions);
    let guild =
        done(&guild, OWNER, &GuildCommand::UpdateRole(LOW, granting(Permissions::ADMINISTRATOR))).0;
    let guild = done(&guild, OWNER, &GuildCommand::UpdateMember(BEN, roles(&[LOW]))).0;
    assert_code(&guild, ANA, &until(BEN, NOW + 1_000), ErrorCode::MissingPermissions);
    let past = until(CAI, NOW - 1);
    assert!(guild.plan(OWNER, &past, NOW).expect("allowed").changes.is_empty());
}
