//! Resident memory shared out over participants, by transport. Pure.

use serde::Serialize;

/// What a participant of each transport adds: its sockets, both WebSockets with TLS, its gateway session
/// and its voice. `None` where it is not known or nobody came by that transport.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct PerParticipant {
    pub(super) udp_kib: Option<f64>,
    pub(super) browser_kib: Option<f64>,
}

/// The shares. `marks` are bytes before the first participant came, when all were online, when the
/// speakers had joined, and when the listeners had too and had settled; `browsers` and `sizes` are
/// of speakers and of listeners.
pub(super) fn per_participant(
    marks: [Option<u64>; 4],
    browsers: [bool; 2],
    sizes: [usize; 2],
) -> PerParticipant {
    let [Some(before), Some(online), Some(spoken), Some(all)] = marks else {
        return PerParticipant { udp_kib: None, browser_kib: None };
    };
    let grown = |from: u64, to: u64| to as f64 - from as f64;
    let gateway = grown(before, online) / sizes.iter().sum::<usize>() as f64;
    let joined = [grown(online, spoken), grown(spoken, all)];
    let of = |by_browser: bool| {
        let groups = (0..2).filter(|group| browsers[*group] == by_browser);
        let (bytes, count) = groups
            .fold((0.0, 0), |(bytes, count), group| (bytes + joined[group], count + sizes[group]));
        (count > 0).then(|| (gateway + bytes / count as f64) / 1_024.0)
    };
    PerParticipant { udp_kib: of(false), browser_kib: of(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 KiB for each of six gateway sessions, 40 for each of two speakers, 200 for each of four
    /// listeners.
    const MARKS: [Option<u64>; 4] =
        [Some(1_024), Some(1_024 * 601), Some(1_024 * 681), Some(1_024 * 1_481)];

    #[test]
    fn speakers_by_udp_and_listeners_by_webrtc_are_told_apart() {
        let shares = per_participant(MARKS, [false, true], [2, 4]);

        assert_eq!((shares.udp_kib, shares.browser_kib), (Some(140.0), Some(300.0)));
    }

    #[test]
    fn one_transport_for_all_has_one_share() {
        let shares = per_participant(MARKS, [false, false], [2, 4]);

        assert_eq!((shares.udp_kib, shares.browser_kib), (Some(100.0 + 880.0 / 6.0), None));
    }

    #[test]
    fn a_server_on_another_machine_has_none() {
        let shares = per_participant([Some(1), None, None, None], [false, true], [2, 4]);

        assert_eq!((shares.udp_kib, shares.browser_kib), (None, None));
    }
}
