//! Commands on their way to the media wing: in order, and none is lost when it is busy. Pure.

use std::collections::VecDeque;

use cluster::Busy;
use model::media::MediaCommand;
use model::media::PeerId;

/// Commands that the media wing had no room for.
///
/// Bounded by the number of peers: of one peer it holds at most a Join, a Funnel, a choice of
/// transport, an Update, a Publish and a Want, or a Leave alone.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<MediaCommand>,
}

impl Outbox {
    /// Sends a command after those that wait, or lets it wait with them.
    pub(super) fn push(
        &mut self,
        command: MediaCommand,
        mut send: impl FnMut(MediaCommand) -> Result<(), Busy>,
    ) {
        if self.waiting.is_empty() && send(command.clone()).is_ok() {
            return;
        }
        let peer = command.peer();
        match &command {
            MediaCommand::Join { .. } => {}
            MediaCommand::SelectUdp { .. } | MediaCommand::SelectWebRtc { .. } => {
                self.forget(peer, |waiting| {
                    matches!(
                        waiting,
                        MediaCommand::SelectUdp { .. } | MediaCommand::SelectWebRtc { .. }
                    )
                });
            }
            MediaCommand::Funnel { .. } => {
                self.forget(peer, |waiting| matches!(waiting, MediaCommand::Funnel { .. }));
            }
            MediaCommand::Update { .. } => {
                self.forget(peer, |waiting| matches!(waiting, MediaCommand::Update { .. }));
            }
            MediaCommand::Priority { .. } => {
                self.forget(peer, |waiting| matches!(waiting, MediaCommand::Priority { .. }));
            }
            MediaCommand::Bitrate { .. } => {
                self.forget(peer, |waiting| matches!(waiting, MediaCommand::Bitrate { .. }));
            }
            MediaCommand::Publish { .. } => {
                self.forget(peer, |waiting| matches!(waiting, MediaCommand::Publish { .. }));
            }
            MediaCommand::Want { .. } => {
                self.forget(peer, |waiting| matches!(waiting, MediaCommand::Want { .. }));
            }
            MediaCommand::Leave { .. } => {
                let has_joined =
                    !self.of(peer).any(|waiting| matches!(waiting, MediaCommand::Join { .. }));
                self.forget(peer, |_| true);
                if !has_joined {
                    return;
                }
            }
        }
        self.waiting.push_back(command);
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self, mut send: impl FnMut(MediaCommand) -> Result<(), Busy>) {
        while let Some(command) = self.waiting.front() {
            if send(command.clone()).is_err() {
                return;
            }
            self.waiting.pop_front();
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn of(&self, peer: PeerId) -> impl Iterator<Item = &MediaCommand> {
        self.waiting.iter().filter(move |waiting| waiting.peer() == peer)
    }

    fn forget(&mut self, peer: PeerId, which: impl Fn(&MediaCommand) -> bool) {
        self.waiting.retain(|waiting| waiting.peer() != peer || !which(waiting));
    }
}

#[cfg(test)]
mod tests {
    use model::id::ChannelId;
    use model::id::UserId;
    use model::media::Grants;

    use super::*;

    const ANA: PeerId = PeerId(1);
    const BEN: PeerId = PeerId(2);
    const ALL: Grants = Grants { speak: true, hear: true };
    const MUTED: Grants = Grants { speak: false, hear: true };

    fn join(peer: PeerId) -> MediaCommand {
        let (room, user) = (ChannelId::new(7), UserId::new(peer.0));
        MediaCommand::Join { peer, room, user, ssrc: 16, grants: ALL }
    }

    fn busy(_: MediaCommand) -> Result<(), Busy> {
        Err(Busy)
    }

    fn flushed(outbox: &mut Outbox) -> Vec<String> {
        let mut sent = Vec::new();
        outbox.flush(|command| {
            sent.push(match command {
                MediaCommand::Join { peer, .. } => format!("join {}", peer.0),
                MediaCommand::Update { peer, grants } => {
                    format!("update {} {}", peer.0, grants.speak)
                }
                MediaCommand::Leave { peer } => format!("leave {}", peer.0),
                other => format!("{other:?}"),
            });
            Ok(())
        });
        sent
    }

    #[test]
    fn what_a_busy_wing_refused_is_sent_later_in_order() {
        let mut outbox = Outbox::default();
        outbox.push(join(ANA), busy);
        // There is room again, yet nobody overtakes.
        outbox.push(MediaCommand::Update { peer: ANA, grants: MUTED }, |_| Ok(()));
        outbox.push(join(BEN), |_| Ok(()));

        assert_eq!(flushed(&mut outbox), ["join 1", "update 1 false", "join 2"]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn only_the_newest_update_of_a_peer_waits() {
        let mut outbox = Outbox::default();
        for grants in [MUTED, ALL, MUTED, ALL] {
            outbox.push(MediaCommand::Update { peer: ANA, grants }, busy);
        }

        assert_eq!(flushed(&mut outbox), ["update 1 true"]);
    }

    #[test]
    fn a_leave_is_never_lost_and_ends_all_that_waits_of_its_peer() {
        let mut outbox = Outbox::default();
        outbox.push(MediaCommand::Update { peer: ANA, grants: MUTED }, busy);
        outbox.push(MediaCommand::Leave { peer: ANA }, busy);
        outbox.push(join(BEN), busy);
        outbox.push(MediaCommand::Leave { peer: BEN }, busy);

        assert_eq!(flushed(&mut outbox), ["leave 1"]);
    }
}
