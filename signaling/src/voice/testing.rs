//! A guild, people, and a media wing that records, for this folder's unit tests.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use cluster::Busy;
use cluster::MediaPort;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;
use model::media::Grants;
use model::media::MediaCommand;
use model::wire::util::Timestamp;
use state::Guild;
use state::GuildCommand;
use state::guild::command::GuildDraft;
use state::voice::VoiceCommand;

pub(super) const GUILD: GuildId = GuildId::new(10);
pub(super) const ANA: UserId = UserId::new(1);
pub(super) const BEN: UserId = UserId::new(2);
pub(super) const CAI: UserId = UserId::new(3);
/// The voice channel that every guild begins with.
pub(super) const STAIRS: ChannelId = ChannelId::new(14);
pub(super) const ALL: Grants = Grants { speak: true, hear: true };

/// What founds Ana's guild.
pub(super) fn draft() -> GuildDraft {
    GuildDraft {
        id: GUILD,
        name: "Hall".to_owned(),
        owner: ANA,
        icon: None,
        now: Timestamp::from_secs(1_700_000_000).unwrap(),
        channel_ids: [11, 12, 13, STAIRS.get()].map(ChannelId::new),
    }
}

/// Ana's guild with Ben and Cai in it.
pub(super) fn guild() -> Guild {
    let mut guild = Guild::found(draft()).unwrap();
    for user in [BEN, CAI] {
        let now = draft().now;
        guild = apply(&guild, user, &GuildCommand::Join { user, now, roles: vec![] });
    }
    guild
}

pub(super) fn apply(guild: &Guild, actor: UserId, command: &GuildCommand) -> Guild {
    let plan = guild.plan(actor, command, 0).unwrap();
    guild.apply(&plan).0
}

/// The guild after someone joined a voice channel, by a gateway session named after them.
pub(super) fn joined(guild: &Guild, user: UserId, channel: ChannelId) -> Guild {
    let command = update(user, Some(channel));
    guild.voice_command(&command, 0).unwrap().0
}

/// Op 4 of the main gateway.
pub(super) fn update(user: UserId, channel: Option<ChannelId>) -> VoiceCommand {
    VoiceCommand::Update {
        user,
        session: session_of(user),
        channel,
        self_mute: false,
        self_deaf: false,
        self_video: false,
    }
}

pub(super) fn session_of(user: UserId) -> String {
    format!("session of {user}")
}

/// A media wing that writes down what it is told.
#[derive(Default)]
pub(super) struct Recorder {
    said: Mutex<Vec<String>>,
    is_busy: AtomicBool,
}

impl Recorder {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Refuses commands from now on, or takes them again.
    pub(super) fn be_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::Relaxed);
    }

    /// What it was told since it was last asked.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.said.lock().unwrap())
    }
}

impl MediaPort for Recorder {
    fn command(&self, command: MediaCommand) -> Result<(), Busy> {
        if self.is_busy.load(Ordering::Relaxed) {
            return Err(Busy);
        }
        let name = match &command {
            MediaCommand::Join { user, room, grants, .. } => {
                format!("join user {user} room {room} {}", shown(*grants))
            }
            MediaCommand::SelectUdp { mode, .. } => format!("udp {}", mode.as_str()),
            MediaCommand::SelectWebRtc { offer, .. } => format!("webrtc {offer}"),
            MediaCommand::Funnel { streams, .. } => format!("funnel {streams}"),
            MediaCommand::Update { grants, .. } => format!("update {}", shown(*grants)),
            MediaCommand::Priority { on, .. } => format!("priority {on}"),
            MediaCommand::Bitrate { bits, .. } => format!("bitrate {bits}"),
            MediaCommand::Publish { tracks, .. } => {
                format!("publish camera {} screen {}", tracks.camera, tracks.screen)
            }
            MediaCommand::Want { wants, .. } => format!("want {wants:?}"),
            MediaCommand::Leave { .. } => "leave".to_owned(),
        };
        self.said.lock().unwrap().push(format!("{}: {name}", command.peer().0));
        Ok(())
    }

    fn port(&self) -> u16 {
        50_000
    }
}

fn shown(grants: Grants) -> &'static str {
    match grants {
        Grants { speak: true, hear: true } => "speak hear",
        Grants { speak: true, hear: false } => "speak",
        Grants { speak: false, hear: true } => "hear",
        Grants { speak: false, hear: false } => "nothing",
    }
}
