//! Voice channels: who may be where, who is heard, what a change of rights does to those inside.

mod support;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use model::media::Grants;
use model::wire::channel::ChannelType;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use state::Denied;
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::guild::command::ChannelDraft;
use state::guild::command::MemberPatch;
use state::guild::command::RolePatch;
use state::voice::VoiceCommand;
use state::voice::VoiceOutcome;
use state::voice::VoiceState;

use support::*;

const STAGE: ChannelId = Id::new(300);
const SMALL: ChannelId = Id::new(301);

/// The guild of the tests with a stage, and a voice channel for one.
fn harbour(granted: Permissions) -> Guild {
    let guild = guild(granted);
    let stage = channel_draft(STAGE.get(), ChannelType::GuildStageVoice, "Stage");
    let guild = done(&guild, OWNER, &GuildCommand::CreateChannel(stage)).0;
    let small = channel_draft(SMALL.get(), ChannelType::GuildVoice, "Small");
    let small = ChannelDraft { user_limit: Some(1), ..small };
    done(&guild, OWNER, &GuildCommand::CreateChannel(small)).0
}

fn go(user: UserId, channel: Option<ChannelId>) -> VoiceCommand {
    VoiceCommand::Update {
        user,
        session: session_of(user),
        channel,
        self_mute: false,
        self_deaf: false,
        self_video: false,
    }
}

fn session_of(user: UserId) -> String {
    format!("session of {user}")
}

fn told_of(events: &[GuildEvent], user: UserId) -> VoiceState {
    told(events).into_iter().find(|state| state.user == user).expect("told of them")
}

#[track_caller]
fn after(guild: &Guild, command: &VoiceCommand) -> (Guild, Vec<VoiceState>, VoiceOutcome) {
    let (guild, events, outcome) = guild.voice_command(command, NOW).expect("allowed");
    (guild, told(&events), outcome)
}

fn told(events: &[GuildEvent]) -> Vec<VoiceState> {
    let states = events.iter().filter_map(|event| match event {
        GuildEvent::VoiceStateUpdated(state) => Some((**state).clone()),
        _ => None,
    });
    states.collect()
}

#[track_caller]
fn refused(guild: &Guild, command: &VoiceCommand, code: ErrorCode) {
    let refused = guild.voice_command(command, NOW).map(|(_, events, _)| events);
    assert_eq!(refused, Err(Denied::Code(code)), "{command:?}");
}

fn shut(channel: ChannelId, deny: Permissions) -> GuildCommand {
    let kind = PermissionOverwriteType::Role;
    let allow = Permissions::empty();
    let overwrite = PermissionOverwrite { allow, deny, id: EVERYONE.cast(), kind };
    GuildCommand::SetOverwrite(channel, overwrite)
}

#[test]
fn joining_moving_flagging_and_leaving_tell_what_they_came_to() {
    let guild = harbour(Permissions::empty());

    let (guild, told, outcome) = after(&guild, &go(BEN, Some(VOICE)));
    assert_eq!((outcome, told[0].channel), (VoiceOutcome::Joined, Some(VOICE)));
    assert_eq!(after(&guild, &go(BEN, Some(VOICE))).2, VoiceOutcome::Unchanged);

    let mut muted = go(BEN, Some(VOICE));
    if let VoiceCommand::Update { self_mute, self_video, .. } = &mut muted {
        (*self_mute, *self_video) = (true, true);
    }
    let (guild, told, outcome) = after(&guild, &muted);
    assert_eq!(outcome, VoiceOutcome::Updated);
    assert!(told[0].self_mute && told[0].self_video);

    let (guild, _, outcome) = after(&guild, &go(BEN, Some(SMALL)));
    assert_eq!(outcome, VoiceOutcome::Joined);
    let (guild, told, outcome) = after(&guild, &go(BEN, None));
    assert_eq!((outcome, told[0].channel), (VoiceOutcome::Left, None));
    assert!(guild.voice.is_empty());
    assert_eq!(after(&guild, &go(BEN, None)).2, VoiceOutcome::Unchanged);
}

#[test]
fn a_screen_is_shared_by_the_session_that_joined_while_it_may_be() {
    let guild = harbour(Permissions::empty());
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));
    let share = |screen| VoiceCommand::Share { user: BEN, session: session_of(BEN), screen };

    let (guild, told, outcome) = after(&guild, &share(true));
    assert_eq!((outcome, told[0].self_stream), (VoiceOutcome::Updated, true));
    assert_eq!(after(&guild, &share(true)).2, VoiceOutcome::Unchanged);
    let other = VoiceCommand::Share { user: BEN, session: "another".to_owned(), screen: false };
    assert_eq!(after(&guild, &other).2, VoiceOutcome::Unchanged);
    // Flags leave it alone, another channel ends it.
    assert_eq!(after(&guild, &go(BEN, Some(VOICE))).2, VoiceOutcome::Unchanged);
    assert!(!after(&guild, &go(BEN, Some(SMALL))).1[0].self_stream);
    // Who may no longer show anything shows nothing.
    let (closed, events) = done(&guild, OWNER, &shut(VOICE, Permissions::STREAM));
    assert!(!told_of(&events, BEN).self_stream);
    assert_eq!(after(&closed, &share(true)).2, VoiceOutcome::Unchanged);
}

#[test]
fn voice_is_for_members_in_voice_channels_they_may_enter() {
    let guild = harbour(Permissions::empty());

    refused(&guild, &go(DAN, Some(VOICE)), ErrorCode::MissingAccess);
    refused(&guild, &go(BEN, Some(Id::new(9))), ErrorCode::UnknownChannel);
    refused(&guild, &go(BEN, Some(TEXT)), ErrorCode::CannotExecuteOnChannelType);
    let closed = done(&guild, OWNER, &shut(VOICE, Permissions::CONNECT)).0;
    refused(&closed, &go(BEN, Some(VOICE)), ErrorCode::MissingPermissions);
    let hidden = done(&guild, OWNER, &shut(VOICE, Permissions::VIEW_CHANNEL)).0;
    refused(&hidden, &go(BEN, Some(VOICE)), ErrorCode::MissingAccess);
}

#[test]
fn a_full_channel_takes_in_only_those_who_may_move_members() {
    let guild = harbour(Permissions::MOVE_MEMBERS);
    let (guild, ..) = after(&guild, &go(BEN, Some(SMALL)));

    refused(&guild, &go(CAI, Some(SMALL)), ErrorCode::MissingPermissions);
    assert_eq!(after(&guild, &go(ANA, Some(SMALL))).2, VoiceOutcome::Joined);
    // Who is inside already takes no second seat, from another session either.
    let mut elsewhere = go(BEN, Some(SMALL));
    if let VoiceCommand::Update { session, .. } = &mut elsewhere {
        *session = "another".to_owned();
    }
    assert_eq!(after(&guild, &elsewhere).2, VoiceOutcome::Joined);
    // A moderator may put someone in.
    let (guild, ..) = after(&guild, &go(CAI, Some(VOICE)));
    let put = VoiceCommand::Move { actor: ANA, target: CAI, channel: Some(SMALL) };
    assert_eq!(after(&guild, &put).2, VoiceOutcome::Joined);
}

#[test]
fn moving_others_needs_the_right_on_both_sides_and_a_target_who_may_stay() {
    let guild = harbour(Permissions::MOVE_MEMBERS);
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));
    let to = |actor, target, channel| VoiceCommand::Move { actor, target, channel };

    refused(&guild, &to(CAI, BEN, Some(STAGE)), ErrorCode::MissingPermissions);
    refused(&guild, &to(CAI, BEN, None), ErrorCode::MissingPermissions);
    refused(&guild, &to(ANA, CAI, Some(STAGE)), ErrorCode::NotConnectedToVoice);
    let closed = done(&guild, OWNER, &shut(STAGE, Permissions::CONNECT)).0;
    refused(&closed, &to(OWNER, BEN, Some(STAGE)), ErrorCode::MissingPermissions);
    let (moved, told, outcome) = after(&guild, &to(ANA, BEN, Some(STAGE)));
    assert_eq!((outcome, told[0].channel), (VoiceOutcome::Joined, Some(STAGE)));
    assert_eq!(told[0].session, format!("session of {BEN}"));
    assert_eq!(after(&moved, &to(ANA, BEN, None)).2, VoiceOutcome::Left);
}

#[test]
fn a_session_that_ends_takes_only_its_own_connection_along() {
    let guild = harbour(Permissions::empty());
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));
    let ended = |session: &str| VoiceCommand::SessionEnded { user: BEN, session: session.into() };

    assert_eq!(after(&guild, &ended("another")).2, VoiceOutcome::Unchanged);
    assert_eq!(after(&guild, &ended(&format!("session of {BEN}"))).2, VoiceOutcome::Left);
}

#[test]
fn server_mute_needs_a_connected_target_and_outlives_the_connection() {
    let guild = harbour(Permissions::MUTE_MEMBERS);
    let mute =
        GuildCommand::UpdateMember(BEN, MemberPatch { mute: Some(true), ..MemberPatch::default() });
    assert_code(&guild, ANA, &mute, ErrorCode::NotConnectedToVoice);
    assert_code(&guild, CAI, &mute, ErrorCode::MissingPermissions);
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));

    let (guild, events) = done(&guild, ANA, &mute);

    assert!(told(&events)[0].mute);
    let silent = Some((VOICE, Grants { speak: false, hear: true }));
    assert_eq!(guild.voice_grants(BEN, NOW), silent);
    let (guild, ..) = after(&guild, &go(BEN, None));
    let (guild, told, _) = after(&guild, &go(BEN, Some(VOICE)));
    assert!(told[0].mute, "still muted after joining again");
    assert_eq!(guild.voice_grants(BEN, NOW), silent);
}

#[test]
fn losing_the_right_to_be_there_disconnects() {
    let guild = harbour(Permissions::empty());
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));
    let (guild, ..) = after(&guild, &go(OWNER, Some(VOICE)));

    for command in [
        shut(VOICE, Permissions::CONNECT),
        shut(VOICE, Permissions::VIEW_CHANNEL),
        GuildCommand::UpdateRole(
            EVERYONE,
            RolePatch { permissions: Some(Permissions::VIEW_CHANNEL), ..RolePatch::default() },
        ),
    ] {
        let (guild, events) = done(&guild, OWNER, &command);
        let told = told(&events);
        assert_eq!(told.len(), 1, "{command:?}");
        assert_eq!((told[0].user, told[0].channel), (BEN, None));
        assert!(guild.voice_grants(BEN, NOW).is_none() && guild.voice.contains_key(&OWNER));
    }
    let (guild, events) = done(&guild, OWNER, &GuildCommand::DeleteChannel(VOICE));
    assert_eq!(told(&events).len(), 2);
    assert!(guild.voice.is_empty());
}

#[test]
fn who_is_removed_leaves_voice_first() {
    let guild = harbour(Permissions::empty());
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));

    let (guild, events) = done(&guild, OWNER, &GuildCommand::Ban { user: BEN, reason: None });

    assert_eq!(events[0], GuildEvent::BanAdded(BEN));
    assert_eq!(told(&events[1..2])[0].channel, None);
    let over = GuildEvent::VoiceStarted { channel: VOICE, since: None };
    assert_eq!(events[2..], [GuildEvent::MemberRemoved(BEN), over]);
    assert!(guild.voice.is_empty());
}

#[test]
fn what_goes_on_in_a_channel_ends_with_the_last_one_there_however_they_leave() {
    let guild = harbour(Permissions::empty());
    let status =
        VoiceCommand::Status { actor: BEN, channel: VOICE, status: Some("Baking".to_owned()) };
    refused(&guild, &status, ErrorCode::MissingPermissions);
    let (guild, events, _) = guild.voice_command(&go(BEN, Some(VOICE)), NOW).expect("allowed");
    let since = Some(NOW / 1_000);
    assert_eq!(events[1], GuildEvent::VoiceStarted { channel: VOICE, since });
    let guild = after(&guild, &status).0;
    let ended = [
        GuildEvent::VoiceStarted { channel: VOICE, since: None },
        GuildEvent::VoiceStatusChanged { channel: VOICE, status: None },
    ];

    let (empty, events, _) = guild.voice_command(&go(BEN, None), NOW).expect("allowed");
    assert_eq!((&events[1..], empty.live.len()), (&ended[..], 0));
    for command in [GuildCommand::Kick(BEN), shut(VOICE, Permissions::CONNECT)] {
        let (empty, events) = done(&guild, OWNER, &command);
        assert!(ended.iter().all(|event| events.contains(event)), "{command:?}: {events:?}");
        assert_eq!(empty.live.len(), 0);
    }
    let gone = done(&guild, OWNER, &GuildCommand::DeleteChannel(VOICE)).0;
    assert_eq!(gone.live.len(), 0);
}

#[test]
fn a_deleted_guild_sends_everyone_out_of_voice_first() {
    let guild = harbour(Permissions::empty());
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));

    let (guild, events) = done(&guild, OWNER, &GuildCommand::Delete);

    assert_eq!(told(&events)[0].channel, None);
    assert_eq!(events[1..], [GuildEvent::GuildDeleted]);
    assert!(guild.voice.is_empty());
}

#[test]
fn losing_speak_suppresses_and_gaining_it_lifts_that() {
    let guild = harbour(Permissions::empty());
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));

    let (guild, events) = done(&guild, OWNER, &shut(VOICE, Permissions::SPEAK));
    assert!(told(&events)[0].suppress);
    assert_eq!(guild.voice_grants(BEN, NOW), Some((VOICE, Grants { speak: false, hear: true })));

    let (guild, events) =
        done(&guild, OWNER, &GuildCommand::RemoveOverwrite(VOICE, EVERYONE.get()));
    assert!(!told(&events)[0].suppress);
    assert_eq!(guild.voice_grants(BEN, NOW), Some((VOICE, Grants { speak: true, hear: true })));
}

#[test]
fn a_timeout_silences_but_does_not_disconnect() {
    let guild = harbour(Permissions::empty());
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));
    let timeout = MemberPatch {
        communication_disabled_until: Some(Some(at(NOW + 60_000))),
        ..MemberPatch::default()
    };

    let (guild, events) = done(&guild, OWNER, &GuildCommand::UpdateMember(BEN, timeout));

    assert!(told(&events).is_empty());
    let grants = |now| guild.voice_grants(BEN, now).map(|(_, grants)| grants.speak);
    assert_eq!((grants(NOW), grants(NOW + 60_000)), (Some(false), Some(true)));
    let mut deafened = go(BEN, Some(VOICE));
    if let VoiceCommand::Update { self_deaf, .. } = &mut deafened {
        *self_deaf = true;
    }
    let (guild, ..) = after(&guild, &deafened);
    assert_eq!(guild.voice_grants(BEN, NOW).map(|(_, grants)| grants.hear), Some(false));
    refused(&guild, &go(BEN, Some(SMALL)), ErrorCode::MissingPermissions);
}

#[test]
fn on_a_stage_all_listen_until_a_moderator_calls_them_up() {
    let moderator =
        Permissions::MUTE_MEMBERS | Permissions::MOVE_MEMBERS | Permissions::MANAGE_CHANNELS;
    let guild = harbour(moderator);
    let (guild, ben, _) = after(&guild, &go(BEN, Some(STAGE)));
    let (guild, ana, _) = after(&guild, &go(ANA, Some(STAGE)));
    assert!(ben[0].suppress && !ana[0].suppress);
    let stage = |actor, target, suppress, request| {
        let channel = None;
        VoiceCommand::Stage { actor, target, channel, suppress, request }
    };

    refused(&guild, &stage(BEN, BEN, Some(false), None), ErrorCode::MissingPermissions);
    let (guild, told, _) = after(&guild, &stage(BEN, BEN, None, Some(Some(at(NOW)))));
    assert_eq!(told[0].request_to_speak, Some(at(NOW)));
    let (guild, told, outcome) = after(&guild, &stage(ANA, BEN, Some(false), None));
    assert_eq!(outcome, VoiceOutcome::Updated);
    assert!(!told[0].suppress && told[0].request_to_speak.is_none());
    assert_eq!(guild.voice_grants(BEN, NOW).map(|(_, grants)| grants.speak), Some(true));
    // An unrelated change leaves speakers speakers.
    let guild = done(&guild, OWNER, &GuildCommand::UpdateMember(CAI, nick("x"))).0;
    let (_, told, _) = after(&guild, &stage(BEN, BEN, Some(true), None));
    assert!(told[0].suppress);
    let (guild, ..) = after(&guild, &go(BEN, Some(VOICE)));
    let elsewhere = stage(ANA, BEN, Some(true), None);
    refused(&guild, &elsewhere, ErrorCode::CannotExecuteOnChannelType);
}

#[test]
fn whoever_is_called_up_is_noted_as_called_and_raises_no_other_hand() {
    let guild = harbour(Permissions::MUTE_MEMBERS);
    let (guild, ..) = after(&guild, &go(BEN, Some(STAGE)));
    let stage = |actor, target, channel, suppress, request| VoiceCommand::Stage {
        actor,
        target,
        channel,
        suppress,
        request,
    };

    let (called, told, _) =
        after(&guild, &stage(ANA, BEN, Some(STAGE), Some(false), Some(Some(at(NOW)))));
    assert!(!told[0].suppress);
    assert_eq!(told[0].request_to_speak, Some(at(NOW)));
    let (_, told, _) = after(&called, &stage(BEN, BEN, None, None, Some(None)));
    assert!(!told[0].suppress && told[0].request_to_speak.is_none(), "he took it");

    let hand = stage(ANA, BEN, None, None, Some(Some(at(NOW))));
    refused(&guild, &hand, ErrorCode::MissingPermissions);
    let (_, told, _) = after(&called, &stage(ANA, BEN, None, Some(true), None));
    assert!(told[0].suppress && told[0].request_to_speak.is_none());
    let elsewhere = stage(BEN, BEN, Some(VOICE), Some(true), None);
    refused(&guild, &elsewhere, ErrorCode::UnknownVoiceState);
    refused(&guild, &stage(ANA, CAI, None, Some(true), None), ErrorCode::UnknownVoiceState);
}

#[test]
fn a_stage_is_opened_named_and_closed_by_its_moderators_once() {
    let moderator =
        Permissions::MUTE_MEMBERS | Permissions::MOVE_MEMBERS | Permissions::MANAGE_CHANNELS;
    let guild = harbour(moderator);
    let open = |channel, topic: &str| GuildCommand::OpenStage {
        id: Id::new(900),
        channel,
        topic: topic.to_owned(),
        event: None,
    };
    let edit = |topic: Option<&str>| GuildCommand::EditStage(STAGE, topic.map(str::to_owned));
    let close = GuildCommand::CloseStage(STAGE);

    assert_code(&guild, BEN, &open(STAGE, "Boats"), ErrorCode::MissingPermissions);
    assert_code(&guild, ANA, &open(VOICE, "Boats"), ErrorCode::CannotExecuteOnChannelType);
    assert_code(&guild, ANA, &edit(Some("Boats")), ErrorCode::UnknownStageInstance);
    assert_code(&guild, ANA, &close, ErrorCode::UnknownStageInstance);
    for topic in ["", &"x".repeat(121)] {
        denied(&guild, ANA, &open(STAGE, topic));
    }

    let (guild, events) = done(&guild, ANA, &open(STAGE, "Boats"));
    assert!(matches!(&events[..], [GuildEvent::StageOpened(stage)] if stage.topic == "Boats"));
    assert_code(&guild, ANA, &open(STAGE, "Ships"), ErrorCode::StageAlreadyOpen);
    assert_code(&guild, BEN, &edit(Some("Ships")), ErrorCode::MissingPermissions);
    assert!(guild.plan(ANA, &edit(None), NOW).unwrap().changes.is_empty());
    let (guild, events) = done(&guild, ANA, &edit(Some("Ships")));
    assert!(matches!(&events[..], [GuildEvent::StageChanged(stage)] if stage.topic == "Ships"));

    let (closed, events) = done(&guild, ANA, &close);
    assert!(matches!(&events[..], [GuildEvent::StageClosed(_)]) && closed.stages.is_empty());
    let (deleted, events) = done(&guild, OWNER, &GuildCommand::DeleteChannel(STAGE));
    assert!(matches!(events.last(), Some(GuildEvent::StageClosed(_))));
    assert!(deleted.stages.is_empty());
}

#[test]
fn a_stage_is_deserted_while_nobody_there_may_speak() {
    let moderator =
        Permissions::MUTE_MEMBERS | Permissions::MOVE_MEMBERS | Permissions::MANAGE_CHANNELS;
    let guild = harbour(moderator);
    assert_eq!(guild.deserted_stages().count(), 0, "none is on");
    let (topic, id) = ("Boats".to_owned(), Id::new(900));
    let open = GuildCommand::OpenStage { id, channel: STAGE, topic, event: None };
    let (guild, _) = done(&guild, ANA, &open);
    assert_eq!(guild.deserted_stages().collect::<Vec<_>>(), [STAGE]);

    let (audience, ..) = after(&guild, &go(BEN, Some(STAGE)));
    assert_eq!(audience.deserted_stages().collect::<Vec<_>>(), [STAGE], "he only listens");
    let (spoken, ..) = after(&audience, &go(ANA, Some(STAGE)));
    assert_eq!(spoken.deserted_stages().count(), 0);

    let end = GuildCommand::EndDeserted(vec![STAGE]);
    assert!(spoken.plan(OWNER, &end, NOW).unwrap().changes.is_empty(), "she came in between");
    let (ended, events) = done(&audience, OWNER, &end);
    assert!(matches!(&events[..], [GuildEvent::StageClosed(_)]) && ended.stages.is_empty());
}
