//! Who has yet to pass a guild's screening, what they may do, and how they pass.

mod support;

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::JoinRequestId;
use model::id::UserId;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use state::Change;
use state::Guild;
use state::GuildCommand;
use state::GuildEvent;
use state::guild::command::FilledField;
use state::guild::command::FilledForm;
use state::guild::command::MemberPatch;
use state::guild::command::ScreeningPatch;
use state::guild::command::SettingsPatch;
use state::screening::Answer;
use state::screening::FieldKind;
use state::screening::FormField;
use state::screening::JoinRequest;
use state::screening::JoinRequestStatus;
use state::voice::VoiceCommand;
use support::*;

/// Ana's role may do that.
const KICKING: Permissions = Permissions::KICK_MEMBERS;
const REQUEST: JoinRequestId = Id::new(900);
const FRESH: JoinRequestId = Id::new(901);

fn field(kind: FieldKind, label: &str) -> FormField {
    FormField { kind, label: label.to_owned(), description: None, required: true }
}

fn rules() -> FormField {
    field(FieldKind::Terms { values: vec!["No shouting.".to_owned()] }, "Rules")
}

fn question() -> FormField {
    field(FieldKind::TextInput { placeholder: None }, "Who sent you?")
}

fn set(fields: Vec<FormField>) -> GuildCommand {
    let enabled = Some(true);
    let fields = Some(fields);
    GuildCommand::SetScreening(ScreeningPatch { enabled, fields, ..ScreeningPatch::default() })
}

/// A guild that screens, in which Dan has joined and begun his request.
fn screened(fields: Vec<FormField>) -> Guild {
    let guild = done(&guild(KICKING), OWNER, &set(fields)).0;
    let join = GuildCommand::Join { user: DAN, now: at(NOW), roles: vec![] };
    let mut guild = done(&guild, DAN, &join).0;
    guild.requests.insert(DAN, Arc::new(JoinRequest::begun(REQUEST, DAN)));
    guild
}

fn fill(answers: &[(&str, &str, Answer)]) -> GuildCommand {
    let fields = answers.iter().map(|(kind, label, answer)| FilledField {
        kind: (*kind).to_owned(),
        label: (*label).to_owned(),
        answer: Some(answer.clone()),
    });
    let form = FilledForm { version: None, fields: fields.collect() };
    GuildCommand::SubmitJoinRequest { fresh: FRESH, form }
}

fn agree() -> GuildCommand {
    fill(&[("TERMS", "Rules", Answer::Agreed(true))])
}

fn answer(text: &str) -> GuildCommand {
    fill(&[
        ("TERMS", "Rules", Answer::Agreed(true)),
        ("TEXT_INPUT", "Who sent you?", Answer::Text(text.to_owned())),
    ])
}

fn decide(approve: bool) -> GuildCommand {
    let reason = (!approve).then(|| "Nobody knows you.".to_owned());
    GuildCommand::DecideJoinRequest { id: Some(REQUEST), approve, reason }
}

fn updated(events: &[GuildEvent]) -> Vec<(JoinRequestStatus, Option<UserId>)> {
    let updated = events.iter().filter_map(|event| match event {
        GuildEvent::JoinRequestUpdated(request) => Some((request.status, request.reviewer)),
        _ => None,
    });
    updated.collect()
}

#[test]
fn who_has_yet_to_pass_looks_on_and_does_nothing() {
    let guild = screened(vec![rules()]);
    let looks = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;

    assert!(guild.is_pending(DAN) && !guild.is_pending(BEN));
    assert_eq!(guild.permissions_in(DAN, TEXT, NOW).0, looks);
    assert_eq!(guild.permissions(DAN, NOW).0, looks);
    let enter = VoiceCommand::Update {
        user: DAN,
        session: "s".to_owned(),
        channel: Some(VOICE),
        self_mute: false,
        self_deaf: false,
        self_video: false,
    };
    assert!(guild.voice_command(&enter, NOW).is_err());
    let rename = GuildCommand::UpdateMember(DAN, nick("Danny"));
    assert_code(&guild, DAN, &rename, ErrorCode::MissingPermissions);
    let follow = GuildCommand::FollowScheduledEvent(Id::new(1), true);
    assert_code(&guild, DAN, &follow, ErrorCode::MissingPermissions);
    assert!(done(&guild, DAN, &GuildCommand::Leave).1.contains(&GuildEvent::MemberRemoved(DAN)));
}

#[test]
fn who_agrees_to_rules_alone_is_a_full_member_at_once() {
    let guild = screened(vec![rules()]);

    let (guild, events) = done(&guild, DAN, &agree());

    assert!(!guild.is_pending(DAN) && guild.requests.is_empty());
    assert!(guild.permissions_in(DAN, TEXT, NOW).has(Permissions::SEND_MESSAGES));
    assert!(matches!(&events[0], GuildEvent::MemberUpdated(member) if !member.pending));
    assert_eq!(updated(&events), [(JoinRequestStatus::Approved, None)]);
    let again = guild.plan(DAN, &agree(), NOW).expect("to agree twice is fine");
    assert!(again.changes.is_empty());
}

#[test]
fn a_form_is_filled_in_whole_and_as_it_is_now() {
    let guild = screened(vec![rules(), question()]);
    let refused = |command: &GuildCommand, path: &str, code: &str| {
        let fault = assert_field(&guild, DAN, command, path);
        assert!(fault.starts_with(code), "{fault}");
    };

    refused(&agree(), "form_fields", "BASE_TYPE_BAD_LENGTH");
    refused(&answer("  "), "form_fields.1.response", "BASE_TYPE_REQUIRED");
    refused(&answer(&"x".repeat(151)), "form_fields.1.response", "BASE_TYPE_MAX_LENGTH");
    let no = Answer::Agreed(false);
    let ana = || ("TEXT_INPUT", "Who sent you?", Answer::Text("Ana".to_owned()));
    let disagree = fill(&[("TERMS", "Rules", no), ana()]);
    refused(&disagree, "form_fields.0.response", "BASE_TYPE_REQUIRED");
    let swapped = fill(&[ana(), ("TERMS", "Rules", Answer::Agreed(true))]);
    refused(&swapped, "form_fields.0.label", "BASE_TYPE_BAD_VALUE");
    let number = fill(&[
        ("TERMS", "Rules", Answer::Agreed(true)),
        ("TEXT_INPUT", "Who sent you?", Answer::Chosen(1)),
    ]);
    refused(&number, "form_fields.1.response", "BASE_TYPE_BAD_VALUE");
    let GuildCommand::SubmitJoinRequest { mut form, .. } = answer("Ana") else { unreachable!() };
    form.version = Some(at(NOW - 1));
    let stale = GuildCommand::SubmitJoinRequest { fresh: FRESH, form };
    refused(&stale, "version", "BASE_TYPE_BAD_VALUE");
}

#[test]
fn a_choice_is_one_of_those_that_there_are() {
    let choices = vec!["Sail".to_owned(), "Steam".to_owned()];
    let optional = FormField { required: false, ..question() };
    let guild = screened(vec![field(FieldKind::MultipleChoice { choices }, "How?"), optional]);
    let choose = |nth: u32| {
        let nothing = Answer::Text(String::new());
        fill(&[
            ("MULTIPLE_CHOICE", "How?", Answer::Chosen(nth)),
            ("TEXT_INPUT", "Who sent you?", nothing),
        ])
    };

    assert_field(&guild, DAN, &choose(2), "form_fields.0.response");
    let guild = done(&guild, DAN, &choose(1)).0;

    let request = guild.requests.get(&DAN).expect("a request that waits");
    let responses = request.responses.as_ref().expect("answers");
    assert_eq!(responses[0].response, Some(Answer::Chosen(1)));
    assert_eq!(responses[1].response, None);
}

#[test]
fn what_was_asked_is_for_a_moderator_to_decide() {
    let guild = screened(vec![rules(), question()]);
    let (waiting, events) = done(&guild, DAN, &answer("Ana"));
    assert!(waiting.is_pending(DAN));
    assert_eq!(updated(&events), [(JoinRequestStatus::Submitted, None)]);
    assert!(waiting.plan(DAN, &answer("Ben"), NOW).expect("fine").changes.is_empty());
    assert_code(&waiting, CAI, &decide(true), ErrorCode::MissingPermissions);
    assert_code(&guild, ANA, &decide(true), ErrorCode::General);

    let (approved, events) = done(&waiting, ANA, &decide(true));
    assert!(!approved.is_pending(DAN) && approved.requests.is_empty());
    assert_eq!(updated(&events), [(JoinRequestStatus::Approved, Some(ANA))]);
    assert_code(&approved, ANA, &decide(true), ErrorCode::General);

    let (rejected, events) = done(&waiting, ANA, &decide(false));
    assert!(!rejected.members.contains_key(&DAN) && rejected.requests.is_empty());
    let GuildEvent::JoinRequestUpdated(request) = &events[0] else { panic!("{events:?}") };
    assert_eq!(request.rejection_reason.as_deref(), Some("Nobody knows you."));
    assert_eq!(events[1..], [GuildEvent::MemberRemoved(DAN)]);
    let long = Some("x".repeat(161));
    let wordy = GuildCommand::DecideJoinRequest { id: None, approve: false, reason: long };
    assert_field(&waiting, ANA, &wordy, "rejection_reason");
}

#[test]
fn a_request_that_was_filled_in_is_taken_back_and_begun_anew() {
    let guild = done(
        &screened(vec![question()]),
        DAN,
        &fill(&[("TEXT_INPUT", "Who sent you?", Answer::Text("Ana".to_owned()))]),
    )
    .0;

    let (guild, events) = done(&guild, DAN, &GuildCommand::ResetJoinRequest(FRESH));

    assert!(matches!(&events[0], GuildEvent::JoinRequestDeleted(old) if old.id == REQUEST));
    assert!(matches!(&events[1], GuildEvent::JoinRequestCreated(new) if new.id == FRESH));
    assert_eq!(guild.requests[&DAN].status, JoinRequestStatus::Started);
    let reset = GuildCommand::ResetJoinRequest(FRESH);
    assert_code(&guild, BEN, &reset, ErrorCode::UnknownVerificationForm);
}

#[test]
fn whoever_is_given_a_role_has_passed() {
    let guild = screened(vec![rules()]);
    let roles = MemberPatch { roles: Some(vec![LOW]), ..MemberPatch::default() };

    let (passed, events) = done(&guild, OWNER, &GuildCommand::UpdateMember(DAN, roles));

    assert!(!passed.is_pending(DAN));
    assert_eq!(updated(&events), [(JoinRequestStatus::Approved, Some(OWNER))]);
    let invited = GuildCommand::Join { user: Id::new(6), now: at(NOW), roles: vec![LOW] };
    assert!(!done(&guild, Id::new(6), &invited).0.is_pending(Id::new(6)));
    let mute = MemberPatch { nick: Some(Some("Danny".to_owned())), ..MemberPatch::default() };
    assert!(done(&guild, OWNER, &GuildCommand::UpdateMember(DAN, mute)).0.is_pending(DAN));
}

#[test]
fn a_flag_lets_someone_pass_and_says_so_from_then_on() {
    let bypass = |is| {
        GuildCommand::UpdateMember(
            DAN,
            MemberPatch { bypasses_verification: Some(is), ..MemberPatch::default() },
        )
    };
    let guild = screened(vec![rules()]);
    assert_code(&guild, ANA, &bypass(true), ErrorCode::MissingPermissions);

    let (guild, events) = done(&guild, OWNER, &bypass(true));

    assert_eq!(
        (guild.is_pending(DAN), guild.members.get(&DAN).expect("a member").flags),
        (false, 1 << 2)
    );
    assert_eq!(updated(&events), [(JoinRequestStatus::Approved, Some(OWNER))]);
    let (guild, events) = done(&guild, OWNER, &bypass(false));
    assert_eq!(
        (guild.is_pending(DAN), guild.members.get(&DAN).expect("a member").flags),
        (false, 0)
    );
    assert!(updated(&events).is_empty());
}

#[test]
fn nobody_stays_pending_where_nobody_is_screened_any_more() {
    let waiting = done(&screened(vec![rules(), question()]), DAN, &answer("Ana")).0;
    let off = |rejects| {
        let patch = ScreeningPatch { enabled: Some(false), rejects, ..ScreeningPatch::default() };
        GuildCommand::SetScreening(patch)
    };

    let (open, events) = done(&waiting, OWNER, &off(false));
    assert_eq!(events[0], GuildEvent::GuildUpdated);
    assert!(open.members.contains_key(&DAN) && !open.is_pending(DAN));
    assert_eq!(updated(&events), [(JoinRequestStatus::Approved, Some(OWNER))]);

    let (shut, _) = done(&waiting, OWNER, &off(true));
    assert!(!shut.members.contains_key(&DAN));
    let begun = done(&screened(vec![rules()]), OWNER, &off(true)).0;
    assert!(!begun.is_pending(DAN), "who filled nothing in has nothing to be rejected");
    assert!(begun.members.contains_key(&DAN));
}

#[test]
fn a_request_ends_with_its_membership() {
    let guild = screened(vec![rules()]);

    let (guild, events) = done(&guild, ANA, &GuildCommand::Kick(DAN));

    assert!(guild.requests.is_empty());
    assert!(matches!(&events[0], GuildEvent::JoinRequestDeleted(old) if old.user == DAN));
    assert_eq!(events[1], GuildEvent::MemberRemoved(DAN));
}

#[test]
fn a_guild_is_not_given_to_who_has_yet_to_pass() {
    let give = SettingsPatch { owner: Some(DAN), ..SettingsPatch::default() };

    let give = GuildCommand::UpdateSettings(give);

    assert_code(&screened(vec![rules()]), OWNER, &give, ErrorCode::OwnerPending);
}

#[test]
fn a_form_that_cannot_be_filled_in_is_refused() {
    let guild = guild(Permissions::empty());
    let text = |length: usize| "x".repeat(length);
    let many = |count: usize| vec!["a".to_owned(); count];
    let choices = |choices| field(FieldKind::MultipleChoice { choices }, "How?");
    let terms = |values| field(FieldKind::Terms { values }, "Rules");

    assert_code(&guild, ANA, &set(vec![rules()]), ErrorCode::MissingPermissions);
    for (fields, path) in [
        (vec![], "form_fields"),
        (vec![question(); 6], "form_fields"),
        (vec![rules(), rules()], "form_fields"),
        (vec![FormField { label: text(301), ..question() }], "form_fields.0.label"),
        (vec![FormField { label: " ".to_owned(), ..question() }], "form_fields.0.label"),
        (vec![rules(), choices(vec![])], "form_fields.1.choices"),
        (vec![choices(many(9))], "form_fields.0.choices"),
        (vec![choices(vec!["a".to_owned(), text(151)])], "form_fields.0.choices.1"),
        (vec![terms(many(17))], "form_fields.0.values"),
        (vec![terms(vec![text(301)])], "form_fields.0.values.0"),
    ] {
        assert_field(&guild, OWNER, &set(fields), path);
    }
    let description =
        ScreeningPatch { description: Some(Some(text(301))), ..ScreeningPatch::default() };
    assert_field(&guild, OWNER, &GuildCommand::SetScreening(description), "description");
}

#[test]
fn a_form_has_a_new_version_when_it_says_something_else() {
    let guild = done(&guild(Permissions::empty()), OWNER, &set(vec![rules()])).0;
    assert_eq!(guild.settings.screening.version, Some(at(NOW)));
    let later = |command: &GuildCommand| {
        let plan = guild.plan(OWNER, command, NOW + 1_000).expect("allowed");
        guild.apply(&plan).0.settings.screening.version
    };

    let off = ScreeningPatch { enabled: Some(false), ..ScreeningPatch::default() };
    assert_eq!(later(&GuildCommand::SetScreening(off)), Some(at(NOW)));
    assert_eq!(later(&set(vec![rules(), question()])), Some(at(NOW + 1_000)));
    let same = guild.plan(OWNER, &set(vec![rules()]), NOW).expect("allowed");
    assert_eq!(same.changes, Vec::<Change>::new());
}

#[test]
fn no_more_requests_wait_than_are_held() {
    let mut guild = screened(vec![question()]);
    for nth in 0..1_000 {
        let status = JoinRequestStatus::Submitted;
        let request = JoinRequest::begun(Id::new(10_000 + nth), Id::new(20_000 + nth));
        guild.requests.insert(request.user, Arc::new(JoinRequest { status, ..request }));
    }
    let asked = fill(&[("TEXT_INPUT", "Who sent you?", Answer::Text("Ana".to_owned()))]);

    assert_code(&guild, DAN, &asked, ErrorCode::Overloaded);
}
