//! One participant's way in: the gateway, op 4, the voice gateway, IP discovery, a key.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use model::voice::EncryptionMode;
use model::voice::SessionKey;
use serde_json::Value;
use serde_json::json;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::browser::Browser;
use super::line::Door;
use super::line::Kind;
use super::line::Line;
use super::line::PATIENCE;

/// Length of IP discovery (Discord: Voice Connections/IP Discovery).
const DISCOVERY: usize = 74;
/// Kernel buffer of a client's socket, in bytes.
const BUFFER: usize = 1_024 * 1_024;
/// A voice channel (Discord: Channel Types).
const VOICE: u64 = 2;
/// The intent that tells guilds and their channels (Discord: Gateway Intents).
const GUILDS: u64 = 1;

/// Whom to be, and where.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The bot's token.
    pub(super) token: String,
    /// Which of the load's rooms.
    pub(super) room: usize,
    /// Its channel; the guild's first voice channel when not set.
    pub(super) channel: Option<String>,
    /// Speaks and is deaf, or listens and is silent.
    pub(super) speaks: bool,
}

/// A participant whose media may flow.
pub(super) struct Seat {
    pub(super) room: usize,
    pub(super) speaks: bool,
    pub(super) socket: Arc<std::net::UdpSocket>,
    /// The server's address for media.
    pub(super) server: SocketAddr,
    pub(super) ssrc: u32,
    pub(super) transport: Transport,
    /// From op 4 of the gateway to the key.
    pub(super) took: Duration,
}

/// How a participant's media is sealed.
pub(super) enum Transport {
    Udp(SessionKey),
    WebRtc(Browser),
}

/// What all participants share.
pub(super) struct Company {
    pub(super) door: Door,
    /// The mode of those on Discord's UDP transport.
    pub(super) mode: EncryptionMode,
    /// Whether speakers and whether listeners are browsers.
    pub(super) browsers: [bool; 2],
    /// Leave to come online: so many at once.
    pub(super) arriving: Semaphore,
    /// Leave to join for speakers and for listeners: none before everybody is online.
    pub(super) joining: [Semaphore; 2],
    /// Leave to join is given at a pace, for each join by itself, and one that fails is counted;
    /// otherwise who has joined passes its leave on, and all must join.
    pub(super) paced: bool,
    pub(super) stop: CancellationToken,
}

/// How far a participant is.
pub(super) enum Progress {
    /// Its gateway session is there.
    Online,
    /// It is in its channel.
    Seated(Box<Seat>),
    /// It could not join, where that is counted.
    Failed(anyhow::Error),
}

/// Comes online, joins, and stays until the company stops.
///
/// # Errors
///
/// When the server refuses it or throws it out.
pub(super) async fn attend(
    company: Arc<Company>,
    place: Place,
    progress: mpsc::Sender<Progress>,
) -> anyhow::Result<()> {
    let permit = company.arriving.acquire().await?;
    let mut gateway = Line::open(&company.door, Kind::Gateway).await?;
    let me = identify(&mut gateway, &place).await?;
    drop(permit);
    let _ = progress.send(Progress::Online).await;
    let permit = loop {
        tokio::select! {
            permit = company.joining[usize::from(!place.speaks)].acquire() => break permit?,
            message = gateway.next() => drop(message?),
            () = company.stop.cancelled() => return Ok(()),
        }
    };
    let permit = if company.paced {
        permit.forget();
        None
    } else {
        Some(permit)
    };
    let (mut voice, seat) = match join(&company, &mut gateway, &me, &place).await {
        Ok(joined) => joined,
        Err(error) if company.paced => {
            let _ = progress.send(Progress::Failed(error)).await;
            company.stop.cancelled().await;
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    drop(permit);
    let _ = progress.send(Progress::Seated(Box::new(seat))).await;
    loop {
        tokio::select! {
            message = gateway.next() => drop(message.context("thrown out of the gateway")?),
            message = voice.next() => drop(message.context("thrown out of the voice gateway")?),
            () = company.stop.cancelled() => return Ok(()),
        }
    }
}

/// Who a participant is to the server.
struct Me {
    user: String,
    session: String,
    guild: String,
    channel: String,
}

async fn identify(gateway: &mut Line, place: &Place) -> anyhow::Result<Me> {
    let identify = json!({
        "token": place.token,
        "intents": GUILDS,
        "properties": { "os": "linux", "browser": "guildhall-bench", "device": "guildhall-bench" },
    });
    gateway.send(2, &identify).await?;
    let ready = gateway.until_event("READY").await?;
    let guild = gateway.until_event("GUILD_CREATE").await?;
    let voice = |channel: &&Value| match &place.channel {
        Some(wanted) => channel["id"] == **wanted,
        None => channel["type"] == VOICE,
    };
    let channel = guild["channels"].as_array().into_iter().flatten().find(voice);
    Ok(Me {
        user: text(&ready["user"], "id")?,
        session: text(&ready, "session_id")?,
        guild: text(&guild, "id")?,
        channel: text(channel.context("the bot sees no voice channel")?, "id")?,
    })
}

async fn join(
    company: &Company,
    gateway: &mut Line,
    me: &Me,
    place: &Place,
) -> anyhow::Result<(Line, Seat)> {
    let began = crate::bench::now();
    let update = json!({
        "guild_id": me.guild,
        "channel_id": me.channel,
        "self_mute": !place.speaks,
        "self_deaf": place.speaks,
    });
    gateway.send(4, &update).await?;
    let server = gateway.until_event("VOICE_SERVER_UPDATE").await?;
    let door = Door { host: text(&server, "endpoint")?, tls: company.door.tls.clone() };
    let mut voice = Line::open(&door, Kind::Voice).await?;
    let identify = json!({
        "server_id": me.guild,
        "user_id": me.user,
        "session_id": me.session,
        "token": text(&server, "token")?,
    });
    voice.send(0, &identify).await?;
    let ready = voice.until_op(2).await?;
    let ssrc = number(&ready, "ssrc")?;
    let server = SocketAddr::new(text(&ready, "ip")?.parse()?, number(&ready, "port")?);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    // The kernel may give less; then bursts are lost, which shows.
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(BUFFER);
    let (transport, took) = if company.browsers[usize::from(!place.speaks)] {
        let browser = negotiate(&mut voice, &socket, server).await?;
        (Transport::WebRtc(browser), began.elapsed())
    } else {
        let own = discover(&socket, server, ssrc).await?;
        let select = json!({
            "protocol": "udp",
            "data": { "address": own.ip(), "port": own.port(), "mode": company.mode.as_str() },
        });
        voice.send(1, &select).await?;
        let description = voice.until_op(4).await?;
        let key: [u8; 32] = serde_json::from_value(description["secret_key"].clone())?;
        (Transport::Udp(SessionKey::new(key)), began.elapsed())
    };
    if place.speaks {
        voice.send(5, &json!({ "speaking": 1, "delay": 0, "ssrc": ssrc })).await?;
    }
    let (room, speaks, socket) = (place.room, place.speaks, Arc::new(socket.into_std()?));
    Ok((voice, Seat { room, speaks, socket, server, ssrc, transport, took }))
}

/// Offers, takes the answer, and goes through ICE and DTLS.
async fn negotiate(
    voice: &mut Line,
    socket: &UdpSocket,
    server: SocketAddr,
) -> anyhow::Result<Browser> {
    // The address of ours on the way to the server: a socket that is bound to all does not tell.
    let way = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    way.connect(server)?;
    let own = SocketAddr::new(way.local_addr()?.ip(), socket.local_addr()?.port());
    let offered = Browser::offer(crate::bench::now(), own, server)?;
    // As the web client, which lets the server begin the handshake.
    let sdp = offered.sdp.replace("a=setup:actpass", "a=setup:passive");
    let codec = json!({ "name": "opus", "type": "audio", "priority": 1_000, "payload_type": 111 });
    let select = json!({
        "protocol": "webrtc",
        "data": sdp,
        "sdp": sdp,
        "codecs": [codec],
    });
    voice.send(1, &select).await?;
    let description = voice.until_op(4).await?;
    let mut browser = offered.answered(&text(&description, "sdp")?)?;
    let connecting = browser.connect(socket);
    tokio::time::timeout(PATIENCE, connecting).await.context("no WebRTC connection")??;
    Ok(browser)
}

/// Asks the server how our address looks; again when the question was lost.
async fn discover(socket: &UdpSocket, server: SocketAddr, ssrc: u32) -> anyhow::Result<SocketAddr> {
    let mut request = [0; DISCOVERY];
    request[..4].copy_from_slice(&[0, 1, 0, 70]);
    request[4..8].copy_from_slice(&ssrc.to_be_bytes());
    let asking = async {
        loop {
            socket.send_to(&request, server).await?;
            let mut reply = [0; DISCOVERY];
            let waiting = socket.recv(&mut reply);
            match tokio::time::timeout(Duration::from_millis(500), waiting).await {
                Ok(Ok(DISCOVERY)) if reply[..2] == [0, 2] => return anyhow::Ok(reply),
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(_)) | Err(_) => {}
            }
        }
    };
    let reply = tokio::time::timeout(PATIENCE, asking).await;
    let reply = reply.with_context(|| format!("no answer by UDP from {server}"))??;
    let address = reply[8..72].split(|byte| *byte == 0).next().unwrap_or_default();
    let port = u16::from_be_bytes([reply[72], reply[73]]);
    Ok(SocketAddr::new(std::str::from_utf8(address)?.parse()?, port))
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let text = value[field].as_str().with_context(|| format!("no {field} in {value}"))?;
    Ok(text.to_owned())
}

fn number<T: TryFrom<u64>>(value: &Value, field: &str) -> anyhow::Result<T> {
    let number = value[field].as_u64().and_then(|number| number.try_into().ok());
    number.with_context(|| format!("no {field} in {value}"))
}
