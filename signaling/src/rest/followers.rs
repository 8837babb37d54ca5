//! Following an announcement channel: what is published there is said in one's own channel too.

use std::sync::Arc;

use axum::extract::State;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::ChannelId;
use model::id::UserId;
use model::id::WebhookId;
use model::limits;
use model::wire::channel::ChannelType;
use model::wire::channel::message::MessageReference;
use model::wire::channel::message::MessageReferenceType;
use model::wire::guild::Permissions;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::apps::WebhookRecord;
use state::apps::WebhookSource;
use state::audit::AuditAction;
use state::event::ChatEvent;
use state::record::MessageRecord;

use super::ApiError;
use super::carry::carry_out;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Reason;
use super::messages::kind;
use super::messages::place::Place;
use super::route::Needs;
use super::route::Routes;
use super::route::post;
use super::schema;
use super::webhooks::manage;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::parts::Parts;

pub(super) fn routes() -> Routes {
    Routes::new().route(
        "/channels/{channel}/followers",
        post(follow)
            .gives(&schema::channels::FOLLOWED)
            .needs(Needs::All(Permissions::MANAGE_WEBHOOKS))
            .logs(&[AuditAction::WebhookCreate])
            .tells(&[DispatchName::WebhooksUpdate, DispatchName::MessageCreate]),
    )
}

#[derive(Deserialize)]
struct Follow {
    webhook_channel_id: ChannelId,
}

/// `POST /channels/{channel.id}/followers`: an announcement channel that one sees, in a channel
/// where one manages webhooks. Following it again changes nothing.
async fn follow(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    reason: Reason,
    Json(body): Json<Follow>,
) -> Result<Json<Value>, ApiError> {
    let source = Place::open(&parts, &me, channel, Permissions::empty()).await?;
    let kind = source.guild_channel().map(|channel| channel.kind);
    if kind != Some(ChannelType::GuildAnnouncement) {
        return Err(ErrorCode::CannotExecuteOnChannelType.into());
    }
    let place = manage::channel_of(&parts, &me, body.webhook_channel_id).await?;
    let here = parts.webhooks.of_channel(place.channel).await?;
    let follows =
        |webhook: &&WebhookRecord| webhook.source.is_some_and(|source| source.channel == channel);
    if let Some(known) = here.iter().find(follows) {
        return Ok(Json(answer(channel, known.id)));
    }
    if here.len() >= limits::WEBHOOKS {
        return Err(ErrorCode::MaximumWebhooks.into());
    }
    let (Some(of), Some(guild)) = (source.view, place.guild()) else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let id: WebhookId = parts.ids.next();
    let called = of.channels.get(&channel).and_then(|channel| channel.name.clone());
    let name = format!("{} #{}", of.settings.name, called.unwrap_or_default());
    let webhook = WebhookRecord {
        id,
        guild,
        channel: place.channel,
        creator: Some(me.id()),
        application: None,
        name: name.chars().take(*limits::WEBHOOK_NAME.end()).collect(),
        avatar: None,
        // Nobody speaks through it but the channel that it follows.
        token: String::new(),
        source: Some(WebhookSource { guild: of.id, channel }),
    };
    let by = reason.by(me.id());
    carry_out(async move {
        let icon = of.settings.icon.as_deref();
        let avatar = match icon {
            Some(icon) => {
                picture::copy(&parts, Owner::Guild(of.id), icon, Owner::User(id.cast())).await
            }
            None => None,
        };
        let webhook = manage::kept(&parts, WebhookRecord { avatar, ..webhook }, by).await?;
        announce(&parts, &place, me.id(), &webhook).await?;
        Ok(())
    })
    .await?;
    Ok(Json(answer(channel, id)))
}

fn answer(channel: ChannelId, webhook: WebhookId) -> Value {
    json!({ "channel_id": channel, "webhook_id": webhook })
}

/// Tells in the channel that it follows another from now on.
async fn announce(
    parts: &Parts,
    place: &Place,
    by: UserId,
    webhook: &WebhookRecord,
) -> Result<(), ApiError> {
    let reference = webhook.source.map(|source| MessageReference {
        channel_id: Some(source.channel),
        guild_id: Some(source.guild),
        kind: MessageReferenceType::Default,
        message_id: None,
        fail_if_not_exists: None,
    });
    let (id, name) = (parts.ids.next(), webhook.name.clone());
    let message = MessageRecord {
        guild: place.guild(),
        kind: kind::FOLLOWED,
        reference,
        ..MessageRecord::said(id, place.channel, by, name)
    };
    parts.messages.insert(&message).await?;
    place.publish(parts, ChatEvent::MessageCreated(Arc::new(message))).await;
    Ok(())
}
