//! What a triggered rule does: each action is logged, told and done. What fails is told to the
//! operator; the message that triggered it is blocked or stands all the same.

use std::sync::Arc;

use model::id::ChannelId;
use model::id::MessageId;
use model::wire::channel::message::Embed;
use model::wire::channel::message::embed::EmbedField;
use state::GuildCommand;
use state::GuildEvent;
use state::audit::AuditAction;
use state::audit::actions;
use state::automod::Execution;
use state::automod::rule::Action;
use state::event::ChatEvent;
use state::record::MessageRecord;
use state::store::ChangeError;

use super::judge::Verdict;
use crate::parts::Parts;
use crate::parts::timestamp;
use crate::rest::ApiError;
use crate::rest::audit_log::note;
use crate::rest::messages::kind;

/// Whether what was said is not to be seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocked(pub(super) bool);

/// Does all that a rule is to do. `message`: the message, if it stands.
pub(super) async fn act(
    parts: &Parts,
    verdict: &Verdict,
    message: Option<MessageId>,
    blocked: Blocked,
) {
    metrics::counter!("signaling_automod_triggers_total").increment(1);
    for action in &verdict.rule.record.actions {
        let mut alert = None;
        match action {
            Action::Block { .. } => {
                log(parts, verdict, AuditAction::AutoModerationBlockMessage).await;
            }
            Action::Alert { channel } => {
                match tell(parts, verdict, *channel, message, blocked).await {
                    Ok(Some(told)) => {
                        alert = Some(told);
                        log(parts, verdict, AuditAction::AutoModerationFlagToChannel).await;
                    }
                    // Its channel is gone.
                    Ok(None) => continue,
                    Err(error) => {
                        tracing::warn!(?error, rule = %verdict.rule.record.id, "no alert was posted");
                        continue;
                    }
                }
            }
            // Logged with the change.
            Action::Timeout { seconds } => {
                if let Err(error) = time_out(parts, verdict, *seconds).await {
                    tracing::warn!(%error, rule = %verdict.rule.record.id, "nobody was timed out");
                    continue;
                }
            }
            // Done with the change of the name.
            Action::Quarantine => {
                log(parts, verdict, actions::AUTO_MODERATION_QUARANTINE_USER).await
            }
        }
        let done = Execution {
            rule: verdict.rule.record.id,
            trigger: verdict.rule.record.trigger.number(),
            action: action.clone(),
            user: verdict.user,
            channel: verdict.channel,
            message,
            alert,
            content: verdict.content.clone(),
            keyword: verdict.keyword.clone(),
            matched: verdict.matched.clone(),
        };
        let Some(guild) = parts.store.guild(verdict.guild) else { return };
        if let Err(error) = guild.publish(GuildEvent::RuleExecuted(Arc::new(done))).await {
            tracing::warn!(%error, rule = %verdict.rule.record.id, "an action was not told");
        }
    }
}

async fn log(parts: &Parts, verdict: &Verdict, action: AuditAction) {
    let entry = verdict.rule.record.logged(verdict.user, action, verdict.channel);
    note(parts, verdict.guild, entry).await;
}

async fn time_out(parts: &Parts, verdict: &Verdict, seconds: u32) -> Result<(), ChangeError> {
    let Some(channel) = verdict.channel else { return Ok(()) };
    let command = GuildCommand::RuleTimeout {
        rule: verdict.rule.record.id,
        user: verdict.user,
        channel,
        until: timestamp(parts.now_ms() + u64::from(seconds) * 1_000),
    };
    parts.store.execute(verdict.guild, verdict.user, command).await.map(drop)
}

/// Posts an alert, in the name of whoever triggered the rule, with the text as an embed of a kind of
/// its own; nothing when the channel is gone.
async fn tell(
    parts: &Parts,
    verdict: &Verdict,
    channel: ChannelId,
    message: Option<MessageId>,
    Blocked(blocked): Blocked,
) -> Result<Option<MessageId>, ApiError> {
    let Some(guild) = parts.store.guild(verdict.guild) else { return Ok(None) };
    let view = guild.view();
    if !view.channels.contains_key(&channel) && !view.threads.contains_key(&channel) {
        return Ok(None);
    }
    let alert: MessageId = parts.ids.next();
    let outcome = match (verdict.channel, blocked) {
        (Some(_), true) => Some("blocked"),
        (Some(_), false) => Some("flagged"),
        (None, _) => None,
    };
    let timeout = verdict.rule.record.actions.iter().find_map(|action| match action {
        Action::Timeout { seconds } => Some(seconds.to_string()),
        _ => None,
    });
    let quarantines = verdict.rule.record.quarantines();
    let fields = [
        ("rule_name", Some(verdict.rule.record.name.clone())),
        ("channel_id", verdict.channel.map(|id| id.to_string())),
        ("decision_id", Some(alert.to_string())),
        ("decision_outcome", outcome.map(str::to_owned)),
        ("flagged_message_id", message.map(|id| id.to_string())),
        ("keyword", verdict.keyword.clone()),
        ("keyword_matched_content", verdict.matched.clone()),
        ("timeout_duration", timeout),
        ("quarantine_user", quarantines.then(|| "username".to_owned())),
        ("quarantine_user_action", quarantines.then(|| "block_profile_update".to_owned())),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| {
        let (name, value) = (name.to_owned(), value?);
        Some(EmbedField { inline: false, name, value })
    });
    let embed = Embed {
        author: None,
        color: None,
        description: Some(verdict.content.clone()),
        fields: fields.collect(),
        flags: None,
        footer: None,
        image: None,
        kind: "auto_moderation_message".to_owned(),
        provider: None,
        thumbnail: None,
        timestamp: None,
        title: None,
        url: None,
        video: None,
    };
    let record = MessageRecord {
        guild: Some(verdict.guild),
        kind: kind::RULE_ALERT,
        embeds: vec![embed],
        ..MessageRecord::said(alert, channel, verdict.user, String::new())
    };
    parts.messages.insert(&record).await?;
    guild.publish(GuildEvent::Chat(ChatEvent::MessageCreated(Arc::new(record)))).await?;
    Ok(Some(alert))
}
