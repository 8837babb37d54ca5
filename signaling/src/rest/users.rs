//! One's own account, other people's, and direct messages with them.

use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::StatusCode;
use model::error_code::ErrorCode;
use model::gateway::DispatchName;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::GuildCommand;
use state::record::AccountRecord;
use state::record::UserRecord;
use state::relationship::Bond;
use state::repo::RepoError;
use std::sync::Arc;

use super::ApiError;
use super::automod;
use super::caller::Caller;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Flag;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::bound;
use super::extract::member_view;
use super::extract::some;
use super::groups;
use super::route::Routes;
use super::route::delete;
use super::route::effects;
use super::route::get;
use super::schema;
use crate::auth::Accounts;
use crate::auth::Scope;
use crate::auth::accounts::parse_global_name;
use crate::auth::accounts::parse_username;
use crate::auth::accounts::taken;
use crate::cdn::picture;
use crate::cdn::picture::Owner;
use crate::cdn::picture::Wish;
use crate::gateway::friends;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/users/@me",
            get(me)
                .gives(&schema::people::OWN_USER)
                .patch(update_me)
                .gives(&schema::people::OWN_USER)
                .may_log(effects::NAMING)
                .tells(&[DispatchName::UserUpdate])
                .may_tell(&[
                    DispatchName::PresenceUpdate,
                    DispatchName::VoiceStateUpdate,
                    DispatchName::VoiceChannelStartTimeUpdate,
                    DispatchName::VoiceChannelStatusUpdate,
                ])
                .may_tell(effects::PROFILE)
                .layer(DefaultBodyLimit::max(limits::PICTURE_BODY)),
        )
        .route("/users/{user}", get(user).gives(&schema::people::USER))
        .route("/users/@me/connections", get(connections).lists(&schema::instance::CONNECTION))
        .route("/users/@me/guilds", get(guilds).lists(&schema::people::OWN_GUILD))
        .route(
            "/users/@me/guilds/{guild}",
            delete(leave).tells(effects::REMOVAL).may_tell(effects::LEAVING),
        )
        .route(
            "/users/@me/channels",
            get(private_channels)
                .lists(&schema::channels::CHANNEL)
                .post(open_private)
                .gives(&schema::channels::CHANNEL)
                .may_tell(&[DispatchName::ChannelCreate]),
        )
}

/// `GET /users/@me`
async fn me(caller: Caller, State(parts): State<Parts>) -> Result<Json<Value>, ApiError> {
    let email = caller.access().is_none_or(|access| access.has(Scope::Email));
    let me = caller.with(Scope::Identify)?;
    let account = parts.accounts.account(me.id()).await?.ok_or(ErrorCode::Unauthorized)?;
    let mut shown = wire::private_user(&account);
    if let (Value::Object(fields), false) = (&mut shown, email) {
        fields.remove("email");
        fields.remove("verified");
    }
    Ok(Json(shown))
}

/// `GET /users/@me/connections`: accounts elsewhere, of which there are none here.
async fn connections(caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.with(Scope::Connections)?;
    Ok(Json(json!([])))
}

#[derive(Deserialize)]
struct UpdateMe {
    username: Option<String>,
    #[serde(default, deserialize_with = "some")]
    global_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    avatar: Option<Option<String>>,
    password: Option<String>,
    new_password: Option<String>,
}

/// `PATCH /users/@me`. A new password needs the old one; it ends all tokens, and the answer brings
/// a new one.
async fn update_me(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<UpdateMe>,
) -> Result<Json<Value>, ApiError> {
    let accounts = Accounts::from(&parts);
    let global_name = body.global_name.map(parse_global_name).transpose()?;
    let bot = me.user.bot;
    let username = body.username.map(|name| parse_username(&name, bot)).transpose()?;
    let avatar = Wish::read("avatar", body.avatar, me.user.avatar.as_deref())?;
    let changes = Changes { username, global_name, avatar };
    let account = carry_out(change(parts.clone(), me.id(), changes)).await?;
    let mut shown = wire::private_user(&account);
    if let (Some(new), false) = (body.new_password, me.user.bot) {
        if !accounts.verify(&account, body.password.unwrap_or_default()).await? {
            let message = "Password does not match.";
            let errors = FormErrors::one("password", "PASSWORD_DOES_NOT_MATCH", message);
            return Err(ApiError::Form(errors));
        }
        shown["token"] = carry_out(async move {
            accounts.change_password(me.id(), new).await?;
            Ok(json!(parts.auth.issue(me.id(), parts.now_ms()).await?))
        })
        .await?;
    }
    Ok(Json(shown))
}

/// Changes of one's own account, read already.
struct Changes {
    username: Option<String>,
    global_name: Option<Option<String>>,
    avatar: Wish,
}

/// Gives a bot another face.
pub(super) async fn change_avatar(
    parts: Parts,
    user: UserId,
    avatar: Wish,
) -> Result<(), ApiError> {
    let changes = Changes { username: None, global_name: None, avatar };
    change(parts, user, changes).await.map(drop)
}

/// Stores the changes, if there are any, and tells of them; the account as it then is.
async fn change(parts: Parts, me: UserId, changes: Changes) -> Result<AccountRecord, ApiError> {
    let _changing = picture::changing().await;
    let mut account = parts.accounts.account(me).await?.ok_or(ErrorCode::Unauthorized)?;
    let before = account.clone();
    if let Some(name) = changes.global_name {
        account.user.global_name = name;
    }
    if let Some(name) = changes.username {
        account.user.username = name;
    }
    let owner = Owner::User(me);
    if let Some(avatar) = changes.avatar.keep(&parts, owner).await? {
        account.user.avatar = avatar;
    }
    if account == before {
        return Ok(account);
    }
    let (old, new) = (before.user.avatar.as_deref(), account.user.avatar.as_deref());
    if let Err(error) = parts.accounts.update(&account).await {
        picture::forget(&parts, owner, new, old).await;
        return Err(if matches!(error, RepoError::Exists) { taken().into() } else { error.into() });
    }
    parts.auth.forget(me);
    parts.store.user_updated(Arc::new(account.user.clone())).await;
    let name = |user: &UserRecord| (user.username.clone(), user.global_name.clone());
    if name(&before.user) != name(&account.user) {
        automod::renamed(&parts, me).await;
    }
    friends::announce(&parts, me).await;
    picture::forget(&parts, owner, old, new).await;
    Ok(account)
}

/// `GET /users/{user.id}`
async fn user(
    Auth(_): Auth,
    State(parts): State<Parts>,
    Path(user): Path<UserId>,
) -> Result<Json<Value>, ApiError> {
    let user = parts.store.users().user(user).await?.ok_or(ErrorCode::UnknownUser)?;
    Ok(Json(wire::user(&user)))
}

#[derive(Deserialize)]
struct Guilds {
    #[serde(default, deserialize_with = "bound")]
    before: Option<GuildId>,
    #[serde(default, deserialize_with = "bound")]
    after: Option<GuildId>,
    limit: Option<usize>,
    #[serde(default)]
    with_counts: Flag,
}

/// `GET /users/@me/guilds`: by ascending id, at most 200.
async fn guilds(
    caller: Caller,
    State(parts): State<Parts>,
    Query(query): Query<Guilds>,
) -> Result<Json<Value>, ApiError> {
    let me = caller.with(Scope::Guilds)?;
    let now_ms = parts.now_ms();
    let limit = query.limit.unwrap_or(200).min(200);
    let mut page = parts.store.guilds_of(me.id());
    page.retain(|guild| {
        query.before.is_none_or(|before| guild.id() < before)
            && query.after.is_none_or(|after| guild.id() > after)
    });
    if query.before.is_some() {
        page.drain(..page.len().saturating_sub(limit));
    }
    page.truncate(limit);
    let shown = page.into_iter().map(|guild| {
        let view = guild.view();
        let mut value = json!({
            "id": view.id,
            "name": view.settings.name,
            "icon": view.settings.icon,
            "banner": null,
            "owner": view.settings.owner == me.id(),
            "permissions": view.permissions(me.id(), now_ms).0,
            "features": wire::features(&view),
        });
        if query.with_counts.0 {
            value["approximate_member_count"] = json!(view.members.len());
            value["approximate_presence_count"] = json!(view.presences.len());
        }
        value
    });
    Ok(Json(shown.collect()))
}

/// `DELETE /users/@me/guilds/{guild.id}`
async fn leave(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
) -> Result<StatusCode, ApiError> {
    member_view(&parts, guild, me.id())?;
    parts.store.execute(guild, me.id(), GuildCommand::Leave).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /users/@me/channels`
async fn private_channels(
    Auth(me): Auth,
    State(parts): State<Parts>,
) -> Result<Json<Value>, ApiError> {
    let mut shown = Vec::new();
    for channel in parts.store.private_of(me.id()).await? {
        let people = parts.store.users().load(&channel.recipients).await?;
        shown.push(wire::private_channel(&channel, me.id(), &people));
    }
    Ok(Json(Value::Array(shown)))
}

#[derive(Deserialize)]
struct OpenPrivate {
    recipient_id: Option<UserId>,
    #[serde(default)]
    recipients: Vec<UserId>,
}

/// `POST /users/@me/channels`: with one person, who is a friend, or with whom one shares a guild or has a
/// channel; or a group with several friends.
async fn open_private(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<OpenPrivate>,
) -> Result<Json<Value>, ApiError> {
    let mut others: Vec<_> = body.recipient_id.into_iter().chain(body.recipients).collect();
    others.sort_unstable();
    others.dedup();
    if others.len() > 1 && !me.user.bot {
        let channel = groups::create(parts.clone(), &me, others).await?;
        let people = parts.store.users().load(&channel.recipients).await?;
        return Ok(Json(wire::private_channel(&channel, me.id(), &people)));
    }
    let [other] = others[..] else {
        let message = "Exactly one recipient is needed.";
        let errors = FormErrors::one("recipients", "BASE_TYPE_BAD_LENGTH", message);
        return Err(ApiError::Form(errors));
    };
    if parts.store.users().user(other).await?.is_none() {
        return Err(ErrorCode::UnknownUser.into());
    }
    if other == me.id() || !may_write_to(&parts, me.id(), other).await? {
        return Err(ErrorCode::CannotMessageUser.into());
    }
    let channel = parts.store.open_private(parts.ids.next(), [me.id(), other]).await?;
    let people = parts.store.users().load(&channel.recipients).await?;
    Ok(Json(wire::private_channel(&channel, me.id(), &people)))
}

async fn may_write_to(parts: &Parts, me: UserId, other: UserId) -> Result<bool, ApiError> {
    let bonds = parts.relationships.between([me, other]).await?;
    if bonds.contains(&Some(Bond::Blocked)) {
        return Ok(false);
    }
    if bonds.contains(&Some(Bond::Friend)) {
        return Ok(true);
    }
    let mut guilds = parts.store.guilds_of(me).into_iter().map(|guild| guild.view());
    let now_ms = parts.now_ms();
    // Who has yet to pass a guild's screening is not quite in it.
    let full = |guild: &Guild, user| guild.members.contains_key(&user) && !guild.is_pending(user);
    let opens = |guild: &Guild| {
        full(guild, me) && full(guild, other) && !guild.settings.incidents.close_messages(now_ms)
    };
    if guilds.any(|guild| opens(&guild)) {
        return Ok(true);
    }
    let channels = parts.store.private_of(me).await?;
    let mut pairs = channels.iter().filter(|channel| channel.group.is_none());
    Ok(pairs.any(|channel| channel.recipients.contains(&other)))
}
