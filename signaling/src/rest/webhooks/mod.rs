//! Webhooks: doors by which programs without an account speak in one channel.
//!
//! `manage` makes, changes and deletes them; `execute` speaks through them and changes what was said;
//! `translate` reads what Slack and GitHub send. With an application's number and an interaction's
//! token the same routes are a bot's follow-ups, which are next door.

mod execute;
pub(super) mod manage;
mod translate;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use translate::slack;

use aws_lc_rs::constant_time;
use axum::extract::DefaultBodyLimit;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::WebhookId;
use model::limits;
use model::wire::guild::Permissions;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;
use state::apps::WebhookRecord;
use state::apps::WebhookSource;
use state::audit::AuditAction;

use super::ApiError;
use super::messages::draft::Body;
use super::route::Needs;
use super::route::Routes;
use super::route::effects;
use super::route::get;
use super::route::post;
use crate::auth::Identity;
use crate::auth::token;
use crate::cdn::Origin;
use crate::config::SignalingConfig;
use crate::parts::Parts;
use crate::rest::schema;
use crate::wire;

pub(super) fn routes(config: &SignalingConfig) -> Routes {
    let largest = usize::try_from(config.max_upload).unwrap_or(usize::MAX);
    let largest = largest.saturating_add(limits::JSON_BODY).max(limits::PICTURE_BODY);
    Routes::new()
        .route(
            "/channels/{channel}/webhooks",
            get(manage::of_channel)
                .lists(&schema::applications::WEBHOOK)
                .needs(Needs::All(Permissions::MANAGE_WEBHOOKS))
                .post(manage::create)
                .gives(&schema::applications::WEBHOOK)
                .needs(Needs::All(Permissions::MANAGE_WEBHOOKS))
                .logs(&[AuditAction::WebhookCreate])
                .tells(&[DispatchName::WebhooksUpdate]),
        )
        .route(
            "/guilds/{guild}/webhooks",
            get(manage::of_guild)
                .lists(&schema::applications::WEBHOOK)
                .needs(Needs::All(Permissions::MANAGE_WEBHOOKS)),
        )
        .route(
            "/webhooks/{webhook}",
            get(manage::show)
                .gives(&schema::applications::WEBHOOK)
                .patch(manage::edit)
                .gives(&schema::applications::WEBHOOK)
                .logs(&[AuditAction::WebhookUpdate])
                .tells(&[DispatchName::WebhooksUpdate])
                .delete(manage::delete)
                .logs(&[AuditAction::WebhookDelete])
                .tells(&[DispatchName::WebhooksUpdate]),
        )
        .route(
            "/webhooks/{webhook}/{token}",
            get(manage::show_by_token)
                .gives(&schema::applications::WEBHOOK)
                .patch(manage::edit_by_token)
                .gives(&schema::applications::WEBHOOK)
                .logs(&[AuditAction::WebhookUpdate])
                .tells(&[DispatchName::WebhooksUpdate])
                .delete(manage::delete_by_token)
                .logs(&[AuditAction::WebhookDelete])
                .tells(&[DispatchName::WebhooksUpdate])
                .post(execute::execute)
                .reads::<Body>()
                .gives(&schema::messages::MESSAGE)
                .or(204)
                .may_log(&[AuditAction::ThreadCreate])
                .may_log(effects::JUDGING)
                .tells(&[DispatchName::MessageCreate])
                .may_tell(&[DispatchName::MessageUpdate])
                .may_tell(effects::SPEAKING),
        )
        .route(
            "/webhooks/{webhook}/{token}/slack",
            post(execute::slack)
                .gives_media("text/plain; charset=utf-8")
                .reads_json::<Value>()
                .may_log(&[AuditAction::ThreadCreate])
                .may_log(effects::JUDGING)
                .tells(&[DispatchName::MessageCreate])
                .may_tell(effects::SPEAKING),
        )
        .route(
            "/webhooks/{webhook}/{token}/github",
            post(execute::github)
                .reads_json::<Value>()
                .gives(&schema::messages::MESSAGE)
                .or(204)
                .may_log(&[AuditAction::ThreadCreate])
                .may_log(effects::JUDGING)
                .may_tell(effects::SPEAKING),
        )
        .route(
            "/webhooks/{webhook}/{token}/messages/{message}",
            get(execute::show)
                .gives(&schema::messages::MESSAGE)
                .patch(execute::edit)
                .reads::<Body>()
                .gives(&schema::messages::MESSAGE)
                .may_log(effects::JUDGING)
                .tells(&[DispatchName::MessageUpdate])
                .may_tell(effects::SPEAKING)
                .delete(execute::delete)
                .tells(&[DispatchName::MessageDelete]),
        )
        .layer(DefaultBodyLimit::max(largest))
}

/// The webhook of that id and token.
///
/// # Errors
///
/// 10015, 50027.
async fn by_token(parts: &Parts, id: WebhookId, secret: &str) -> Result<WebhookRecord, ApiError> {
    let Some(webhook) = parts.webhooks.webhook(id).await? else {
        // The number of an application, and the token of an interaction that ended or was not
        // answered yet.
        let known = parts.accounts.application(id.cast()).await?.is_some();
        let code = if known { ErrorCode::InvalidWebhookToken } else { ErrorCode::UnknownWebhook };
        return Err(code.into());
    };
    if webhook.source.is_some() {
        // It has no token.
        return Err(ErrorCode::InvalidWebhookToken.into());
    }
    // Hashes of one length: how long comparing takes tells nothing of the token.
    let (given, kept) = (token::hash(secret), token::hash(&webhook.token));
    match constant_time::verify_slices_are_equal(&given, &kept) {
        Ok(()) => Ok(webhook),
        Err(_) => Err(ErrorCode::InvalidWebhookToken.into()),
    }
}

/// A webhook as `viewer` sees it (Discord: Webhook Structure): without its token where another bot
/// made it, and without its maker for whoever has nothing but the token.
async fn shown(
    parts: &Parts,
    origin: &Origin,
    webhook: &WebhookRecord,
    viewer: Option<&Identity>,
) -> Result<Value, ApiError> {
    let mut value = wire::webhook(webhook);
    if let Some(source) = webhook.source {
        show_source(parts, &mut value, source);
    }
    let own = |viewer: &Identity| {
        let application = viewer.application.as_ref().map(|application| application.id);
        webhook.application.is_none() || webhook.application == application
    };
    if webhook.source.is_none() && viewer.is_none_or(own) {
        let path = format!("/api/webhooks/{}/{}", webhook.id, webhook.token);
        value["token"] = json!(webhook.token);
        value["url"] = json!(format!("{}{path}", origin.as_str()));
    }
    if viewer.is_some()
        && let Some(creator) = webhook.creator
        && let Some(user) = parts.store.users().user(creator).await?
    {
        value["user"] = wire::user(&user);
    }
    Ok(value)
}

/// What a webhook follows; nothing when it is gone.
fn show_source(parts: &Parts, value: &mut Value, source: WebhookSource) {
    let Some(guild) = parts.store.guild(source.guild) else { return };
    let view = guild.view();
    let Some(channel) = view.channels.get(&source.channel) else { return };
    let settings = &view.settings;
    value["source_guild"] = json!({ "id": view.id, "name": settings.name, "icon": settings.icon });
    value["source_channel"] = json!({ "id": channel.id, "name": channel.name });
}

/// Tells the guild that webhooks of these channels changed.
async fn tell(parts: &Parts, webhook: &WebhookRecord, also: Option<model::id::ChannelId>) {
    let Some(guild) = parts.store.guild(webhook.guild) else { return };
    for channel in also.into_iter().chain([webhook.channel]) {
        // A full mailbox loses nothing that a client does not ask for again.
        let _ = guild.publish(GuildEvent::WebhooksUpdated(channel)).await;
    }
}
