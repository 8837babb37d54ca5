//! Which datagrams of a turn leave together: those to one listener, as segments of one send.
//!
//! The kernel takes several datagrams to one destination in one call for little more than the price
//! of one (`UDP_SEGMENT`), if all are equally long but for the last, which may be shorter. Several
//! speakers' packets to one listener that a receive batch produced are such; nothing waits for more.
//!
//! Pure: no socket. HOT: memory is kept from turn to turn.

use std::net::IpAddr;
use std::net::SocketAddr;

use crate::shard::outbox::Transmit;

/// Datagrams in one send at most. The kernel would take 64; longer trains only make bursts.
pub(crate) const TOGETHER: usize = 8;
/// Longest datagram that leaves together with others, in bytes: beyond the path's MTU the kernel
/// refuses the whole send, and IPv6 promises 1,280 with its headers (RFC 8200 §5).
const SEGMENT_MOST: usize = 1_200;
/// No datagram.
const NONE: u32 = u32::MAX;

/// Datagrams to one destination.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) to: SocketAddr,
    first: u32,
    last: u32,
    /// How many.
    pub(crate) count: u8,
    /// How long each is but the last, in bytes.
    pub(crate) segment: u16,
    /// Whether another may follow: the last one is not shorter than the rest.
    open: bool,
}

/// The plan of a turn.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    groups: Vec<Group>,
    /// The datagram that follows each in its group.
    next: Vec<u32>,
    /// The newest group of a destination, found by hash, and the turn that it is from.
    table: Vec<(u32, u32)>,
    turn: u32,
}

impl Pairing {
    /// Groups the datagrams, each alone unless `together`.
    pub(crate) fn plan(
        &mut self,
        transmits: &[Transmit],
        bytes: &[u8],
        together: bool,
    ) -> &[Group] {
        self.groups.clear();
        self.next.clear();
        self.next.resize(transmits.len(), NONE);
        let places = (2 * transmits.len()).next_power_of_two().max(2);
        if self.table.len() < places {
            self.table.resize(places, (0, 0));
        }
        self.turn = self.turn.wrapping_add(1);
        if self.turn == 0 {
            // Entries of four billion turns ago would look new.
            self.table.fill((0, 0));
            self.turn = 1;
        }
        for (index, transmit) in transmits.iter().enumerate() {
            let index = index as u32;
            let place = if together { self.place_of(transmit.to) } else { 0 };
            let (turn, group) = self.table[place];
            let joined = together
                && turn == self.turn
                && transmit.range.len() <= SEGMENT_MOST
                && self.join(group as usize, index, transmits, bytes);
            if joined {
                continue;
            }
            let to = transmit.to;
            let segment = transmit.range.len().min(usize::from(u16::MAX)) as u16;
            let open = usize::from(segment) <= SEGMENT_MOST;
            if together {
                self.table[place] = (self.turn, self.groups.len() as u32);
            }
            self.groups.push(Group { to, first: index, last: index, count: 1, segment, open });
        }
        &self.groups
    }

    /// Where the destination's newest group is noted, or would be.
    fn place_of(&self, to: SocketAddr) -> usize {
        let mask = self.table.len() - 1;
        let mut place = hash(to) as usize & mask;
        loop {
            let (turn, group) = self.table[place];
            let free = turn != self.turn;
            if free || self.groups.get(group as usize).is_some_and(|group| group.to == to) {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    /// Adds a datagram to a group, if the lengths allow.
    fn join(&mut self, group: usize, index: u32, transmits: &[Transmit], bytes: &[u8]) -> bool {
        let Some(group) = self.groups.get_mut(group) else { return false };
        if !group.open || usize::from(group.count) >= TOGETHER {
            return false;
        }
        let length = transmits[index as usize].range.len() as u16;
        if length <= group.segment {
            self.next[group.last as usize] = index;
            group.last = index;
            group.open = length == group.segment;
        } else {
            // The longer one must go first, which must not turn two packets of one speaker around.
            let one = &bytes[transmits[group.first as usize].range.clone()];
            let two = &bytes[transmits[index as usize].range.clone()];
            if group.count > 1 || one.get(8..12) == two.get(8..12) {
                return false;
            }
            self.next[index as usize] = group.first;
            (group.first, group.segment, group.open) = (index, length, false);
        }
        group.count += 1;
        true
    }

    /// The groups of the last plan.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The datagrams of a group in the order in which they leave.
    pub(crate) fn members(&self, group: &Group) -> impl Iterator<Item = usize> {
        let mut index = group.first;
        std::iter::from_fn(move || {
            let member = index;
            let next = self.next.get(member as usize)?;
            index = *next;
            Some(member as usize)
        })
    }
}

/// Spreads destinations over the table: their low bits hardly differ.
fn hash(to: SocketAddr) -> u64 {
    let ip = match to.ip() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            bits as u64 ^ (bits >> 64) as u64
        }
    };
    let mixed = (ip ^ (u64::from(to.port()) << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shard::outbox::Outbox;

    fn address(host: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, host], 5_000))
    }

    /// A packet of this length and SSRC.
    fn packet(length: usize, ssrc: u8) -> Vec<u8> {
        let mut packet = vec![0x80; length];
        packet[8..12].copy_from_slice(&[0, 0, 0, ssrc]);
        packet
    }

    fn planned(outbox: &Outbox, together: bool) -> Vec<(SocketAddr, Vec<usize>)> {
        let mut pairing = Pairing::default();
        let groups = pairing.plan(outbox.transmits(), outbox.bytes(), together).to_vec();
        groups.iter().map(|group| (group.to, pairing.members(group).collect())).collect()
    }

    fn outbox_of(packets: &[(u8, usize, u8)]) -> Outbox {
        let mut outbox = Outbox::default();
        for (host, length, ssrc) in packets {
            outbox.push(address(*host), &packet(*length, *ssrc));
        }
        outbox
    }

    #[test]
    fn two_speakers_packets_to_one_listener_leave_together_the_longer_first() {
        let outbox = outbox_of(&[(1, 100, 1), (2, 100, 1), (1, 120, 2), (2, 80, 2)]);

        assert_eq!(planned(&outbox, true), [(address(1), vec![2, 0]), (address(2), vec![1, 3])]);
        assert_eq!(planned(&outbox, false).len(), 4);
    }

    #[test]
    fn packets_of_one_speaker_keep_their_order() {
        let outbox = outbox_of(&[(1, 100, 1), (1, 120, 1)]);

        assert_eq!(planned(&outbox, true), [(address(1), vec![0]), (address(1), vec![1])]);
    }

    #[test]
    fn equally_long_ones_form_a_train_that_a_shorter_one_ends() {
        let outbox = outbox_of(&[(1, 100, 1), (1, 100, 2), (1, 90, 3), (1, 90, 4)]);

        assert_eq!(planned(&outbox, true), [(address(1), vec![0, 1, 2]), (address(1), vec![3])]);
    }

    proptest! {
        #[test]
        fn every_datagram_leaves_once_in_groups_that_the_kernel_takes(
            packets in proptest::collection::vec((0u8..6, 12usize..1_300, 0u8..4), 0..120),
            together: bool,
        ) {
            let outbox = outbox_of(&packets);
            let mut pairing = Pairing::default();
            // A second plan must not see anything of the first.
            pairing.plan(outbox.transmits(), outbox.bytes(), true);
            let groups = pairing.plan(outbox.transmits(), outbox.bytes(), together).to_vec();

            let mut seen = Vec::new();
            for group in &groups {
                let members: Vec<_> = pairing.members(group).collect();
                prop_assert_eq!(members.len(), usize::from(group.count));
                prop_assert!(members.len() <= TOGETHER && (together || members.len() == 1));
                let lengths: Vec<_> = members.iter().map(|at| packets[*at].1).collect();
                let (last, rest) = lengths.split_last().expect("not empty");
                prop_assert!(rest.iter().all(|length| *length == usize::from(group.segment)));
                prop_assert!(*last <= usize::from(group.segment));
                prop_assert!(rest.is_empty() || lengths[0] <= SEGMENT_MOST);
                prop_assert!(members.iter().all(|at| address(packets[*at].0) == group.to));
                seen.extend(members);
            }
            // One speaker's packets to one listener keep their order.
            for host in 0..6 {
                for ssrc in 0..4 {
                    let of = seen.iter().filter(|at| {
                        (packets[**at].0, packets[**at].2) == (host, ssrc)
                    });
                    prop_assert!(of.is_sorted());
                }
            }
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..packets.len()));
        }
    }
}
