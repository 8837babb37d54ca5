//! What people say of themselves, and what one has in common with them (userdoccers: User Profile).

use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::GuildId;
use model::id::UserId;
use model::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use state::relationship::Bond;

use super::ApiError;
use super::carry::carry_out;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Flag;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::some;
use super::route::Routes;
use super::route::get;
use super::route::patch;
use super::schema;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route("/users/{user}/profile", get(show).gives(&schema::people::PROFILE))
        .route("/users/@me/profile", patch(update).gives(&schema::people::SAID).tells_nobody())
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default = "yes")]
    with_mutual_guilds: Flag,
    #[serde(default)]
    with_mutual_friends: Flag,
    #[serde(default)]
    with_mutual_friends_count: Flag,
    guild_id: Option<GuildId>,
}

const fn yes() -> Flag {
    Flag(true)
}

/// `GET /users/{user.id}/profile`: of oneself, of friends, and of those with whom one shares a guild or
/// a private channel (50001 for others).
async fn show(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(user): Path<UserId>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let record = parts.store.users().user(user).await?.ok_or(ErrorCode::UnknownUser)?;
    let mutual: Vec<_> = parts
        .store
        .guilds_of(me.id())
        .into_iter()
        .map(|guild| guild.view())
        .filter(|guild| guild.members.contains_key(&user))
        .collect();
    let bonds = parts.relationships.between([me.id(), user]).await?;
    if user != me.id() && mutual.is_empty() && bonds[0].is_none() {
        let channels = parts.store.private_of(me.id()).await?;
        if !channels.iter().any(|channel| channel.recipients.contains(&user)) {
            return Err(ErrorCode::MissingAccess.into());
        }
    }
    let profile = parts.settings.profile(user).await?;
    let said = json!({
        "bio": profile.bio,
        "pronouns": profile.pronouns,
        "accent_color": profile.accent_color,
        "banner": null,
        "theme_colors": null,
        "popout_animation_particle_type": null,
        "emoji": null,
        "profile_effect": null,
    });
    let mut shown_user = wire::user(&record);
    shown_user["bio"] = json!(profile.bio);
    shown_user["accent_color"] = json!(profile.accent_color);
    let mut value = json!({
        "user": shown_user,
        "user_profile": said,
        "connected_accounts": [],
        "badges": [],
        "guild_badges": [],
        "premium_type": null,
        "premium_since": null,
        "premium_guild_since": null,
        "legacy_username": null,
    });
    if wanted.with_mutual_guilds.0 {
        let shown = mutual.iter().map(|guild| {
            let nick = guild.members.peek(user).and_then(|member| member.nick());
            json!({ "id": guild.id, "nick": nick })
        });
        value["mutual_guilds"] = shown.collect();
    }
    if wanted.with_mutual_friends.0 || wanted.with_mutual_friends_count.0 {
        let friends = async |of: UserId| {
            let all = parts.relationships.of_user(of).await?;
            let friends = all.into_iter().filter(|one| one.bond == Bond::Friend);
            Ok::<_, ApiError>(friends.map(|one| one.other).collect::<Vec<_>>())
        };
        let mut common = if user == me.id() { Vec::new() } else { friends(user).await? };
        if !common.is_empty() {
            let own = friends(me.id()).await?;
            common.retain(|friend| own.contains(friend));
        }
        value["mutual_friends_count"] = json!(common.len());
        if wanted.with_mutual_friends.0 {
            let users = parts.store.users().load(&common).await?;
            value["mutual_friends"] = users.iter().map(|user| wire::user(user)).collect();
        }
    }
    let guild = wanted.guild_id.and_then(|id| mutual.iter().find(|guild| guild.id == id));
    if let Some(guild) = guild
        && let Some(member) = guild.members.get(&user)
    {
        value["guild_member"] = wire::member(&member, &record);
        value["guild_member_profile"] = json!({
            "guild_id": guild.id,
            "bio": "",
            "pronouns": "",
            "banner": null,
            "accent_color": null,
        });
    }
    Ok(Json(value))
}

#[derive(Deserialize)]
struct Update {
    #[serde(default, deserialize_with = "some")]
    bio: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    pronouns: Option<Option<String>>,
    #[serde(default, deserialize_with = "some")]
    accent_color: Option<Option<u32>>,
}

/// `PATCH /users/@me/profile`
async fn update(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Json(body): Json<Update>,
) -> Result<Json<Value>, ApiError> {
    let mut errors = FormErrors::default();
    for (field, text, most) in
        [("bio", &body.bio, limits::BIO), ("pronouns", &body.pronouns, limits::PRONOUNS)]
    {
        if text.iter().flatten().any(|text| text.chars().count() > most) {
            let message = format!("Must be {most} or fewer in length.");
            errors.push(field, "BASE_TYPE_MAX_LENGTH", message);
        }
    }
    if body.accent_color.flatten().is_some_and(|color| color > 0xff_ff_ff) {
        let message = "int value should be less than or equal to 16777215.";
        errors.push("accent_color", "NUMBER_TYPE_MAX", message);
    }
    errors.finish()?;
    carry_out(async move {
        let mut profile = parts.settings.profile(me.id()).await?;
        if let Some(bio) = body.bio {
            profile.bio = bio.unwrap_or_default();
        }
        if let Some(pronouns) = body.pronouns {
            profile.pronouns = pronouns.unwrap_or_default();
        }
        if let Some(color) = body.accent_color {
            profile.accent_color = color;
        }
        parts.settings.put_profile(me.id(), &profile).await?;
        Ok(Json(json!({
            "bio": profile.bio,
            "pronouns": profile.pronouns,
            "accent_color": profile.accent_color,
        })))
    })
    .await
}
