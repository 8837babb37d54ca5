//! What people say, titles and names against the rules of their guild.
//!
//! The words of messages and titles are judged, the questions and answers of polls, and what is
//! forwarded; not embeds, files and components, nor what webhooks and ephemeral answers say.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::UserId;
use state::Guild;
use state::GuildCommand;
use state::automod::QUARANTINED;
use state::automod::rule::Action;
use state::automod::rule::Rule;
use state::automod::rule::Trigger;
use state::automod::spam;
use state::automod::words::Found;
use state::automod::words::Text;
use state::record::MessageRecord;

use super::act;
use crate::auth::Identity;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::messages::mentions::Named;
use crate::rest::messages::place::Place;

/// A rule that was triggered, and by what.
pub(in crate::rest) struct Verdict {
    pub(super) guild: GuildId,
    pub(super) rule: Arc<Rule>,
    pub(super) user: UserId,
    /// None for names.
    pub(super) channel: Option<ChannelId>,
    pub(super) content: String,
    pub(super) keyword: Option<String>,
    pub(super) matched: Option<String>,
}

impl Verdict {
    fn blocks(&self) -> Option<&Action> {
        let mut actions = self.rule.record.actions.iter();
        actions.find(|action| matches!(action, Action::Block { .. }))
    }
}

/// Judges a message before it is stored. Those verdicts that do not block it are given back, to be
/// [carried out](carry_out) when it is.
///
/// # Errors
///
/// 200000 when a rule blocks it; then all that the rules are to do is done.
pub(in crate::rest) async fn hear(
    parts: &Parts,
    place: &Place,
    message: &MessageRecord,
) -> Result<Vec<Verdict>, ApiError> {
    let Some(view) = place.view.as_deref().filter(|view| !view.rules.is_empty()) else {
        return Ok(Vec::new());
    };
    let verdicts = judge(parts, view, place.channel, message.author, said(message));
    refuse(parts, verdicts, ErrorCode::MessageBlocked).await
}

/// Judges the title of a thread or a post.
///
/// # Errors
///
/// 200001 when a rule blocks it.
pub(in crate::rest) async fn title(
    parts: &Parts,
    place: &Place,
    me: &Identity,
    title: &str,
) -> Result<(), ApiError> {
    let Some(view) = place.view.as_deref().filter(|view| !view.rules.is_empty()) else {
        return Ok(());
    };
    let mut verdicts = judge(parts, view, place.channel, me.id(), title.to_owned());
    // A title that was said before is no spam.
    verdicts.retain(|verdict| verdict.rule.words().is_some());
    let verdicts = refuse(parts, verdicts, ErrorCode::TitleBlocked).await?;
    carry_out(parts, verdicts, None).await;
    Ok(())
}

/// Does what the verdicts on a message that stands are to do.
pub(in crate::rest) async fn carry_out(
    parts: &Parts,
    verdicts: Vec<Verdict>,
    message: Option<MessageId>,
) {
    for verdict in verdicts {
        act::act(parts, &verdict, message, act::Blocked(false)).await;
    }
}

/// Whether a member is kept from interacting for their names.
pub(in crate::rest) fn quarantined(view: &Guild, user: UserId) -> bool {
    view.members.peek(user).is_some_and(|member| member.flags() & QUARANTINED != 0)
}

/// Does what a rule for profiles is to do, after a member came or changed a name; that they are
/// kept from interacting was decided with the change itself. `was`: whether they were before.
pub(in crate::rest) async fn profile(parts: &Parts, guild: GuildId, user: UserId, was: bool) {
    let Some(handle) = parts.store.guild(guild) else { return };
    let view = handle.view();
    let (Some(member), Some(account)) = (view.members.get(&user), parts.store.users().cached(user))
    else {
        return;
    };
    let Some((rule, found)) = view.judge_profile(&member, &account) else { return };
    let mut rule = Arc::clone(rule);
    if was {
        Arc::make_mut(&mut rule).record.actions.retain(|one| !matches!(one, Action::Quarantine));
    }
    let Found { keyword, matched } = found;
    let names = [Some(account.username.as_str()), account.global_name.as_deref()];
    let mut name = names.into_iter().flatten().chain(member.nick.as_deref());
    let content = name.rfind(|name| name.contains(&matched)).unwrap_or_default();
    let verdict = Verdict {
        guild,
        user,
        channel: None,
        content: content.to_owned(),
        keyword: Some(keyword),
        matched: Some(matched),
        rule,
    };
    act::act(parts, &verdict, None, act::Blocked(false)).await;
}

/// Has all guilds of someone judge their new name.
pub(in crate::rest) async fn renamed(parts: &Parts, user: UserId) {
    for handle in parts.store.guilds_of(user) {
        let view = handle.view();
        if !view.rules.values().any(|rule| rule.record.trigger.is_of_profiles()) {
            continue;
        }
        let was = quarantined(&view, user);
        let judged = parts.store.execute(view.id, user, GuildCommand::JudgeProfile(user)).await;
        if let Err(error) = judged {
            tracing::warn!(%error, guild = %view.id, "a new name was not judged");
            continue;
        }
        profile(parts, view.id, user, was).await;
    }
}

/// Carries out all verdicts and refuses, if one of them blocks.
async fn refuse(
    parts: &Parts,
    verdicts: Vec<Verdict>,
    code: ErrorCode,
) -> Result<Vec<Verdict>, ApiError> {
    let Some(Action::Block { message }) = verdicts.iter().find_map(Verdict::blocks).cloned() else {
        return Ok(verdicts);
    };
    for verdict in &verdicts {
        act::act(parts, verdict, None, act::Blocked(true)).await;
    }
    Err(ApiError::Blocked { code, message })
}

fn judge(
    parts: &Parts,
    view: &Guild,
    channel: ChannelId,
    user: UserId,
    content: String,
) -> Vec<Verdict> {
    let text = Text::new(&content);
    let mut verdicts = Vec::new();
    for rule in view.rules_for(user, channel) {
        let (keyword, matched) = match (&rule.record.trigger, rule.words()) {
            (_, Some(words)) => match words.find(&text) {
                Some(found) => (Some(found.keyword), Some(found.matched)),
                None => continue,
            },
            (Trigger::Spam, None) => {
                let again = parts.chat.recent().repeats(view.id, user, &content, parts.now_ms());
                match (spam::sign(&content), again) {
                    (Some(sign), _) => (None, Some(sign.to_owned())),
                    (None, true) => (None, None),
                    (None, false) => continue,
                }
            }
            (Trigger::Mentions { limit, raid_protection }, None) => {
                let named = Named::of(&content);
                let count = named.users.len() + named.roles.len();
                let many = *limit > 0 && count > usize::try_from(*limit).unwrap_or(usize::MAX);
                let raid = || parts.chat.recent().raided(view.id, user, count, parts.now_ms());
                let raided = *raid_protection && raid();
                if !many && !raided {
                    continue;
                }
                (None, None)
            }
            _ => continue,
        };
        let (rule, content) = (Arc::clone(rule), content.clone());
        let (guild, channel) = (view.id, Some(channel));
        verdicts.push(Verdict { guild, rule, user, channel, content, keyword, matched });
    }
    verdicts
}

/// All words of a message, each kind in lines of its own.
fn said(message: &MessageRecord) -> String {
    let mut said = message.content.clone();
    let mut add = |text: &str| {
        if !text.is_empty() {
            said.push('\n');
            said.push_str(text);
        }
    };
    if let Some(poll) = &message.poll {
        add(&poll.question);
        poll.answers.iter().filter_map(|answer| answer.text.as_deref()).for_each(&mut add);
    }
    message.snapshots.iter().for_each(|snapshot| add(&snapshot.content));
    said
}
