//! The resources: an endpoint for each voice channel and direction, and a session for each client that
//! came by it. `POST` begins, `PATCH` trickles candidates, `DELETE` ends.

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::Request;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::patch;
use axum::routing::post;
use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::limits;
use model::media::Grants;
use model::wire::guild::Permissions;
use state::record::StreamWay;
use state::store::ChannelHome;

use super::answer;
use super::answer::Taken;
use super::answer::Way;
use super::asker::Asker;
use super::error::WhipError;
use super::offer::Direction;
use super::offer::Offer;
use super::trickle::Fragment;
use crate::connection::Connection;
use crate::parts::Parts;
use crate::rest;
use crate::rest::extract::Path;
use crate::voice;
use crate::voice::Visit;
use crate::voice::VisitRequest;

/// Which of the two protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The client publishes.
    Whip,
    /// The client listens.
    Whep,
}

/// All routes, behind the limits that REST is behind.
pub(crate) fn routes(parts: &Parts) -> Router<Parts> {
    let routes = Router::new()
        .route("/whip/{channel}", post(begin::<true>))
        .route("/whip/{channel}/{session}", patch(trickle::<true>).delete(end::<true>))
        .route("/whep/{channel}", post(begin::<false>))
        .route("/whep/{channel}/{session}", patch(trickle::<false>).delete(end::<false>))
        .layer(DefaultBodyLimit::max(limits::SDP_BYTES));
    rest::guarded(routes, parts).layer(middleware::from_fn(tell_types))
}

/// Says on `OPTIONS` what the resources take (RFC 9725 §4.2).
async fn tell_types(request: Request, next: Next) -> Response {
    let asked = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if asked {
        let headers = response.headers_mut();
        headers.insert(ACCEPT_POST, HeaderValue::from_static(SDP));
        headers.insert(ACCEPT_PATCH, HeaderValue::from_static(FRAGMENT));
    }
    response
}

impl Kind {
    const fn of(whip: bool) -> Self {
        if whip { Self::Whip } else { Self::Whep }
    }

    /// What a session of this kind may do in its call at most.
    const fn limit(self) -> Grants {
        match self {
            Self::Whip => Grants { speak: true, hear: false },
            Self::Whep => Grants { speak: false, hear: true },
        }
    }

    /// What it takes beside VIEW_CHANNEL and CONNECT, which every way into a call takes.
    const fn needed(self) -> Permissions {
        match self {
            Self::Whip => Permissions::SPEAK,
            Self::Whep => Permissions::empty(),
        }
    }

    /// Whether a token opens this channel in this direction: an account's own does.
    fn opened_by(self, asker: &Asker, channel: ChannelId) -> bool {
        let way = match self {
            Self::Whip => StreamWay::Publish,
            Self::Whep => StreamWay::Listen,
        };
        asker.key.as_ref().is_none_or(|key| key.channel == channel && key.way == way)
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Whip => "whip",
            Self::Whep => "whep",
        }
    }
}

/// `POST /whip/{channel.id}`, `POST /whep/{channel.id}`
async fn begin<const WHIP: bool>(
    State(parts): State<Parts>,
    Extension(connection): Extension<Connection>,
    asker: Asker,
    Path(channel): Path<ChannelId>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, WhipError> {
    let kind = Kind::of(WHIP);
    let body = read(&headers, SDP, &body)?;
    let offer = Offer::parse(body)?;
    let taken = match kind {
        Kind::Whip => offer.audio(Direction::sends, 1)?,
        Kind::Whep => offer.audio(Direction::receives, STREAMS)?,
    };
    let first = taken.first().copied().unwrap_or_default();
    let (ufrag, password) =
        offer.ice(first).ok_or(WhipError::Bad("The offer lacks ICE credentials"))?;

    let home = parts.store.of_channel(channel).await?.ok_or(ErrorCode::UnknownChannel)?;
    let ChannelHome::Guild(guild) = home else {
        return Err(ErrorCode::CannotExecuteOnPrivateChannel.into());
    };
    let view = guild.view();
    if !kind.opened_by(&asker, channel) {
        return Err(ErrorCode::MissingAccess.into());
    }
    let allowed = view.permissions_in(asker.user, channel, parts.now_ms());
    allowed.require(Permissions::VIEW_CHANNEL)?;
    allowed.require(kind.needed())?;
    // Whoever may not show anything there publishes audio alone.
    let pictures = match kind {
        Kind::Whip if allowed.has(Permissions::STREAM) => offer.pictures(first),
        Kind::Whip | Kind::Whep => None,
    };
    let bitrate = view.channels.get(&channel).and_then(|channel| channel.bitrate);

    let announced = voice::Announced::to(&parts, connection).ok_or(rest::ApiError::Unavailable)?;
    let request = VisitRequest {
        user: asker.user,
        guild,
        channel,
        limit: kind.limit(),
        streams: u8::try_from(taken.len()).unwrap_or(1),
        offer: offer.fragment(first, pictures),
        shows: pictures.is_some(),
        announced,
        ice: (ufrag.to_owned(), password.to_owned()),
        key: asker.key.map(|key| key.id),
    };
    let (visit, fragment) = parts.calls.visit(request).await?;
    let way = match kind {
        Kind::Whip => Way::Publish { bitrate: bitrate.unwrap_or(limits::BITRATE_DEFAULT) },
        Kind::Whep => Way::Listen { ssrc: visit.ssrc },
    };
    let taken = Taken { audio: &taken, pictures };
    let Some(answer) = answer::compose(&offer, taken, &fragment, way, parts.now_ms()) else {
        tracing::error!("the media wing's answer lacks a part");
        parts.calls.end_visit(&visit).await;
        return Err(rest::ApiError::Unavailable.into());
    };
    let location = format!("/{}/{channel}/{}", kind.path(), visit.id);
    Response::builder()
        .status(StatusCode::CREATED)
        .header(header::CONTENT_TYPE, SDP)
        .header(header::LOCATION, location)
        .header(header::ETAG, &visit.tag)
        .header(ACCEPT_PATCH, FRAGMENT)
        .body(Body::from(answer))
        .map_err(|_| rest::ApiError::Unavailable.into())
}

/// `PATCH` of a session: candidates are taken note of, an ICE restart is not done (RFC 9725 §4.3).
async fn trickle<const WHIP: bool>(
    State(parts): State<Parts>,
    asker: Asker,
    Path((channel, session)): Path<(ChannelId, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, WhipError> {
    let visit = find(&parts, &asker, Kind::of(WHIP), channel, &session)?;
    let body = read(&headers, FRAGMENT, &body)?;
    let condition = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let condition = condition.ok_or(WhipError::NoCondition)?;
    let matches = |tag: &str| tag == "*" || tag == visit.tag;
    if !condition.split(',').map(str::trim).any(matches) {
        return Err(WhipError::OtherTag);
    }
    let fragment = Fragment::parse(body).ok_or(WhipError::Bad("The body is no ICE fragment"))?;
    if fragment.ice != (visit.ice.0.as_str(), visit.ice.1.as_str()) {
        return Err(WhipError::Unsupported("ICE restarts are not supported: begin a new session"));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE` of a session: it is over when the answer comes.
async fn end<const WHIP: bool>(
    State(parts): State<Parts>,
    asker: Asker,
    Path((channel, session)): Path<(ChannelId, String)>,
) -> Result<StatusCode, WhipError> {
    let visit = find(&parts, &asker, Kind::of(WHIP), channel, &session)?;
    parts.calls.end_visit(&visit).await;
    Ok(StatusCode::OK)
}

/// The session of that name, if it is the asker's and of this resource.
fn find(
    parts: &Parts,
    asker: &Asker,
    kind: Kind,
    channel: ChannelId,
    session: &str,
) -> Result<Arc<Visit>, WhipError> {
    let visit = parts.calls.visit_of(session).ok_or(WhipError::Gone)?;
    let here = visit.channel == channel && visit.limit == kind.limit();
    // A key has a hand in what it opened alone.
    let by_key = asker.key.as_ref().is_none_or(|key| visit.key == Some(key.id));
    if here && by_key && visit.user == asker.user { Ok(visit) } else { Err(WhipError::Gone) }
}

/// The body as text, if it is of that media type and not too large.
fn read<'a>(
    headers: &HeaderMap,
    wanted: &str,
    body: &'a Result<Bytes, BytesRejection>,
) -> Result<&'a str, WhipError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !given.trim().eq_ignore_ascii_case(wanted) {
        return Err(WhipError::MediaType);
    }
    let bytes = match body {
        Ok(bytes) => bytes,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(WhipError::TooLarge);
        }
        Err(_) => return Err(WhipError::Bad("The body could not be read")),
    };
    std::str::from_utf8(bytes).map_err(|_| WhipError::Bad("The body is not text"))
}

/// Streams that one listener gets at most, if it offers sections for so many: as many as speak at once
/// in most calls. More would cost each speaker's packet that many places to look at.
const STREAMS: usize = 8;
const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
