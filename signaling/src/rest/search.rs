//! Searching what was said: in a guild, as far as the asker may read it, or in one channel.

use std::collections::HashSet;

use axum::extract::State;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::GuildId;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::Guild;
use state::search::Contents;
use state::search::Order;
use state::search::SearchQuery;
use state::search::terms;

use super::ApiError;
use super::error::FormErrors;
use super::extract::Auth;
use super::extract::Json;
use super::extract::Path;
use super::extract::Query;
use super::extract::member_view;
use super::messages;
use super::messages::place::Place;
use super::route::Routes;
use super::route::get;
use super::schema;
use crate::auth::Identity;
use crate::cdn::Origin;
use crate::parts::Parts;
use crate::wire;

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(
            "/guilds/{guild}/messages/search",
            get(in_guild).gives(&schema::messages::FOUND).asks(&schema::messages::SEARCH),
        )
        .route(
            "/channels/{channel}/messages/search",
            get(in_channel).gives(&schema::messages::FOUND).asks(&schema::messages::SEARCH),
        )
}

/// Parameters in order; those that hold a list come several times.
type Parameters = Vec<(String, String)>;

/// `GET /guilds/{guild.id}/messages/search`
async fn in_guild(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(guild): Path<GuildId>,
    Query(parameters): Query<Parameters>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    let view = member_view(&parts, guild, me.id())?;
    let (mut query, channels) = parse(&parameters)?;
    let readable = readable(&parts, &me, &view);
    query.channels = if channels.is_empty() {
        readable.into_iter().collect()
    } else {
        if channels.iter().any(|channel| !readable.contains(channel)) {
            return Err(ErrorCode::MissingAccess.into());
        }
        channels
    };
    answer(&parts, &me, &origin, Some(&view), &query).await
}

/// `GET /channels/{channel.id}/messages/search`
async fn in_channel(
    Auth(me): Auth,
    State(parts): State<Parts>,
    Path(channel): Path<ChannelId>,
    Query(parameters): Query<Parameters>,
    origin: Origin,
) -> Result<Json<Value>, ApiError> {
    let place = Place::open(&parts, &me, channel, Permissions::READ_MESSAGE_HISTORY).await?;
    let (mut query, _) = parse(&parameters)?;
    query.channels = vec![channel];
    answer(&parts, &me, &origin, place.view.as_deref(), &query).await
}

/// The channels and threads whose history the asker may read.
fn readable(parts: &Parts, me: &Identity, view: &Guild) -> HashSet<ChannelId> {
    let now_ms = parts.now_ms();
    let needed = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    let all = view.channels.keys().chain(view.threads.keys()).copied();
    all.filter(|id| view.permissions_in(me.id(), *id, now_ms).has(needed)).collect()
}

async fn answer(
    parts: &Parts,
    me: &Identity,
    origin: &Origin,
    view: Option<&Guild>,
    query: &SearchQuery,
) -> Result<Json<Value>, ApiError> {
    let found = parts.search.search(query).await?;
    let mut hits = Vec::with_capacity(found.messages.len());
    let mut threads = Vec::new();
    for message in found.messages {
        let thread = view.and_then(|view| view.threads.get(&message.channel));
        if let Some(thread) = thread
            && !threads.iter().any(|(known, _)| *known == message.channel)
        {
            threads.push((message.channel, thread));
        }
        let mut shown = messages::shown_one(parts, origin, me.id(), message).await?.0;
        shown["hit"] = json!(true);
        hits.push(json!([shown]));
    }
    let members = threads
        .iter()
        .filter_map(|(id, thread)| Some(wire::thread_member(*id, thread.members.get(&me.id())?)));
    let members: Vec<_> = members.collect();
    let guild = view.map(|view| view.id);
    let threads =
        threads.iter().filter_map(|(_, thread)| Some(wire::thread(thread, guild?, Some(me.id()))));
    Ok(Json(json!({
        "total_results": found.total,
        "messages": hits,
        "threads": threads.collect::<Vec<_>>(),
        "members": members,
        "doing_deep_historical_index": false,
    })))
}

/// The query, and the channels that it names.
///
/// # Errors
///
/// 50035 for what cannot be, and for filters of Discord's that are not known here: to leave one
/// out would find more than was asked for.
fn parse(parameters: &Parameters) -> Result<(SearchQuery, Vec<ChannelId>), ApiError> {
    let mut query = SearchQuery { limit: PAGE, ..SearchQuery::default() };
    let mut channels = Vec::new();
    let mut errors = FormErrors::default();
    let (mut by_time, mut ascending) = (true, false);
    for (name, value) in parameters {
        match name.trim_end_matches("[]") {
            "content" if value.chars().count() > CONTENT => {
                let message = format!("Must be {CONTENT} or fewer in length.");
                errors.push("content", "BASE_TYPE_MAX_LENGTH", message);
            }
            "content" => {
                query.terms = terms(value);
                if query.terms.is_empty() && !value.trim().is_empty() {
                    // Nothing but signs, which are in no index: nothing is found.
                    query.max = Some(Id::new(1));
                }
            }
            "author_id" => query.authors.extend(id(name, value, &mut errors)),
            "mentions" => query.mentions.extend(id(name, value, &mut errors)),
            "mentions_role_id" => query.mention_roles.extend(id(name, value, &mut errors)),
            "mention_everyone" => query.mention_everyone = Some(flag(value)),
            "channel_id" => channels.extend(id(name, value, &mut errors)),
            "min_id" => query.min = id(name, value, &mut errors),
            "max_id" => query.max = id(name, value, &mut errors),
            "pinned" => query.pinned = Some(flag(value)),
            "has" => {
                let (into, kind) = match value.strip_prefix('-') {
                    Some(kind) => (&mut query.has_not, kind),
                    None => (&mut query.has, value.as_str()),
                };
                match contents(kind) {
                    Some(bit) => *into = into.and(bit),
                    None => errors.push("has", "BASE_TYPE_CHOICES", "Not known here."),
                }
            }
            "limit" => match value.parse() {
                Ok(limit) if (1..=PAGE).contains(&limit) => query.limit = limit,
                _ => errors.push(
                    "limit",
                    "NUMBER_TYPE_RANGE",
                    "int value should be between 1 and 25.",
                ),
            },
            "offset" => match value.parse() {
                Ok(offset) if offset <= OFFSET => query.offset = offset,
                _ => {
                    let message = "int value should be between 0 and 9975.";
                    errors.push("offset", "NUMBER_TYPE_RANGE", message);
                }
            },
            "sort_by" => by_time = value != "relevance",
            "sort_order" => ascending = value == "asc",
            // Sloppiness is the words' own, nobody is shown more than they may see, and what a
            // client tells of itself decides nothing.
            "slop" | "include_nsfw" | "attempts" => {}
            _ => errors.push(name, "BASE_TYPE_CHOICES", "Not known here."),
        }
    }
    query.order = match (by_time, ascending) {
        (false, _) => Order::Relevance,
        (true, false) => Order::Newest,
        (true, true) => Order::Oldest,
    };
    let named = [query.authors.len(), query.mentions.len(), query.mention_roles.len()];
    if named.iter().any(|named| *named > NAMED) || channels.len() > CHANNELS {
        errors.push("query", "BASE_TYPE_MAX_LENGTH", "Too many ids.");
    }
    errors.finish()?;
    Ok((query, channels))
}

fn id<T>(name: &str, value: &str, errors: &mut FormErrors) -> Option<Id<T>> {
    let id = value.parse().ok().and_then(Id::new_checked);
    if id.is_none() {
        errors.push(name, "NUMBER_TYPE_COERCE", "Value is not snowflake.");
    }
    id
}

fn flag(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}

fn contents(kind: &str) -> Option<Contents> {
    Some(match kind {
        "link" => Contents::LINK,
        "embed" => Contents::EMBED,
        "file" => Contents::FILE,
        "image" => Contents::IMAGE,
        "video" => Contents::VIDEO,
        "sound" => Contents::SOUND,
        "poll" => Contents::POLL,
        "snapshot" | "forward" => Contents::SNAPSHOT,
        _ => return None,
    })
}

/// Most results of one page (Discord: Search Guild Messages).
const PAGE: u32 = 25;
/// Most results that are passed over (Discord: Search Guild Messages).
const OFFSET: u32 = 9_975;
/// Longest text, in characters (Discord: Search Guild Messages).
const CONTENT: usize = 1_024;
/// Most people or roles in one search (Discord: Search Guild Messages).
const NAMED: usize = 100;
/// Most channels in one search (Discord: Search Guild Messages).
const CHANNELS: usize = 500;
