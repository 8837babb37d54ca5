//! A bot on Discord's UDP transport in the AES mode: discovers its address, seals, opens.

use std::time::Duration;

use aws_lc_rs::aead::AES_256_GCM;
use aws_lc_rs::aead::Aad;
use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::aead::Nonce;
use aws_lc_rs::aead::UnboundKey;
use serde_json::json;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::Instance;
use super::PATIENCE;
use super::text;
use super::voice::Voice;

const MODE: &str = "aead_aes256_gcm_rtpsize";
/// Samples of a 20 ms frame at 48 kHz (RFC 7587 §4.1).
const FRAME: u32 = 960;
/// IP discovery (Discord: Voice Connections).
const DISCOVERY: usize = 74;

/// A bot in a voice channel.
pub(crate) struct UdpBot {
    pub(crate) voice: Voice,
    pub(crate) socket: UdpSocket,
    key: LessSafeKey,
    sequence: u16,
    counter: u32,
}

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) payload: Vec<u8>,
}

impl UdpBot {
    /// Joins and is ready to speak and hear.
    pub(crate) async fn enter(instance: &Instance, token: &str, channel: &str) -> Self {
        let mut voice = Voice::enter(instance, token, channel).await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let port = voice.ready["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let server = (text(&voice.ready["ip"]), port.expect("a port"));
        socket.connect(server).await.expect("loopback");
        let (ip, port) = discover(&socket, voice.ssrc()).await;
        let data = json!({ "address": ip, "port": port, "mode": MODE });
        let description = voice.select(json!({ "protocol": "udp", "data": data })).await;
        assert_eq!(description["mode"], MODE);
        let secret = description["secret_key"].as_array().expect("a key");
        let secret: Vec<u8> =
            secret.iter().map(|byte| byte.as_u64().expect("byte") as u8).collect();
        let key = UnboundKey::new(&AES_256_GCM, &secret).expect("32 bytes");
        voice.speak().await;
        Self { voice, socket, key: LessSafeKey::new(key), sequence: 0, counter: 0 }
    }

    /// Sends one 20 ms frame.
    pub(crate) async fn say(&mut self, payload: &[u8]) {
        let packet = self.seal(payload);
        self.socket.send(&packet).await.expect("loopback");
    }

    fn seal(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, 120];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(u32::from(self.sequence).wrapping_mul(FRAME).to_be_bytes());
        packet.extend(self.voice.ssrc().to_be_bytes());
        let counter = self.counter.to_be_bytes();
        self.sequence = self.sequence.wrapping_add(1);
        self.counter += 1;
        let mut sealed = payload.to_vec();
        self.key
            .seal_in_place_append_tag(nonce(counter), Aad::from(&packet), &mut sealed)
            .expect("seals");
        packet.extend(sealed);
        packet.extend(counter);
        packet
    }

    /// The next audio of anybody; `None` when there is none within `wait`.
    pub(crate) async fn hear(&self, wait: Duration) -> Option<Heard> {
        timeout(wait, async {
            loop {
                let mut buffer = [0; 2_048];
                let length = self.socket.recv(&mut buffer).await.expect("loopback");
                if let Some(heard) = self.open(&buffer[..length]) {
                    return heard;
                }
            }
        })
        .await
        .ok()
    }

    /// Forgets what has arrived.
    pub(crate) fn forget(&self) {
        let mut buffer = [0; 2_048];
        while self.socket.try_recv(&mut buffer).is_ok() {}
    }

    /// `None` for what is no audio: RTCP.
    fn open(&self, packet: &[u8]) -> Option<Heard> {
        if packet.len() < 12 || (192..224).contains(&packet[1]) {
            return None;
        }
        let extended = packet[0] & 0x10 != 0;
        let header = 12 + 4 * usize::from(packet[0] & 0x0F) + if extended { 4 } else { 0 };
        let (body, counter) = packet.split_at(packet.len() - 4);
        let (header, sealed) = body.split_at(header);
        let counter = counter.try_into().expect("4 bytes");
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce(counter), Aad::from(header), &mut sealed);
        let opened = opened.expect("sealed with our key");
        let words = if extended {
            u16::from_be_bytes([header[header.len() - 2], header[header.len() - 1]])
        } else {
            0
        };
        Some(Heard {
            ssrc: u32::from_be_bytes(header[8..12].try_into().expect("4 bytes")),
            sequence: u16::from_be_bytes([header[2], header[3]]),
            payload: opened[4 * usize::from(words)..].to_vec(),
        })
    }
}

fn nonce(counter: [u8; 4]) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&counter);
    Nonce::assume_unique_for_key(bytes)
}

/// Asks until it is answered, as clients do: UDP loses.
async fn discover(socket: &UdpSocket, ssrc: u32) -> (String, u16) {
    let mut request = [0; DISCOVERY];
    request[..4].copy_from_slice(&[0, 1, 0, 70]);
    request[4..8].copy_from_slice(&ssrc.to_be_bytes());
    let asking = async {
        loop {
            socket.send(&request).await.expect("loopback");
            let mut reply = [0; 128];
            let answer = timeout(Duration::from_millis(250), socket.recv(&mut reply)).await;
            if let Ok(Ok(DISCOVERY)) = answer {
                let address = reply[8..72].split(|byte| *byte == 0).next().expect("a part");
                let address = String::from_utf8(address.to_vec()).expect("ASCII");
                return (address, u16::from_be_bytes([reply[72], reply[73]]));
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("an answer")
}
