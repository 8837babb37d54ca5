//! Tells the kernel which shard's socket a talker's datagrams belong to.
//!
//! All shards bind one port, and the kernel spreads senders over their sockets by a hash. A speaker
//! whose room lives on another shard would be handed over for every packet: two threads wake for one
//! packet, and what arrives together is no longer sent together. So a shard that hands over again and
//! again tells it here, and the kernel gets a program that sends these addresses where they belong
//! (`SO_ATTACH_REUSEPORT_CBPF`, socket(7)). The program is only ever an improvement: who is not in it,
//! or who shares a key with somebody, is spread by hash and handed over as before.
//!
//! A browser's checks need no table: they name whom they are for, and that name begins with the shard's
//! mark. They are most of what a node hears while nobody speaks.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use socket2::Socket;

use crate::shell::directory::Directory;
use crate::transport::stun;

/// Talkers in the program. Its length is bounded by the kernel, and it runs for every datagram.
const MOST: usize = 512;
/// Datagrams handed over for one sender between two calls of [`Strays::forget`] that make it a talker.
const ENOUGH: u32 = 8;
/// Senders that a shard counts at once.
const COUNTED: usize = 1_024;
/// Reports that wait for the steering thread.
pub(crate) const REPORTS: usize = 256;
/// Time from a report to the program: others that begin to talk meanwhile share it.
const GATHER: Duration = Duration::from_millis(100);
/// How often talkers that left are looked for.
const REVIEW: Duration = Duration::from_secs(1);

/// What one shard hands over, by sender.
pub(crate) struct Strays {
    counts: HashMap<SocketAddr, u32>,
    reports: SyncSender<SocketAddr>,
}

impl Strays {
    pub(crate) fn new(reports: SyncSender<SocketAddr>) -> Self {
        Self { counts: HashMap::with_capacity(COUNTED), reports }
    }

    /// Counts a datagram that was handed over.
    pub(crate) fn note(&mut self, from: SocketAddr) {
        if self.counts.len() >= COUNTED && !self.counts.contains_key(&from) {
            return;
        }
        let count = self.counts.entry(from).or_default();
        *count += 1;
        if *count == ENOUGH {
            // When the queue is full the next second tells it again.
            let _ = self.reports.try_send(from);
        }
    }

    /// Begins to count anew; called once a second.
    pub(crate) fn forget(&mut self) {
        self.counts.clear();
    }
}

/// Keeps the kernel's program up to date until all shards are gone. Blocks.
pub(crate) fn run(socket: &Socket, directory: &Directory, reports: &Receiver<SocketAddr>) {
    let mut talkers = Talkers::default();
    let mut is_due = true;
    loop {
        if std::mem::take(&mut is_due)
            && let Err(error) = attach(socket, &talkers.program())
        {
            // Everything works without it, only dearer.
            tracing::debug!(%error, "the kernel takes no program that steers datagrams");
            return;
        }
        let first = if talkers.is_empty() {
            reports.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            reports.recv_timeout(REVIEW)
        };
        match first {
            Ok(talker) => {
                talkers.add(talker);
                std::thread::sleep(GATHER);
                reports.try_iter().for_each(|talker| talkers.add(talker));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        is_due = talkers.review(|address| directory.shard_of_address(address));
    }
}

/// Who talks a lot, and where.
#[derive(Default)]
struct Talkers {
    shards: HashMap<SocketAddr, Option<usize>>,
}

impl Talkers {
    fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    fn add(&mut self, talker: SocketAddr) {
        if self.shards.len() < MOST {
            self.shards.entry(talker).or_insert(None);
        }
    }

    /// Looks where everybody is now and forgets who left. Whether anything changed.
    fn review(&mut self, shard_of: impl Fn(SocketAddr) -> Option<usize>) -> bool {
        let mut changed = false;
        self.shards.retain(|talker, shard| {
            let now = shard_of(*talker);
            changed |= *shard != now;
            *shard = now;
            now.is_some()
        });
        changed
    }

    fn program(&self) -> Vec<libc::sock_filter> {
        let mut by_key = BTreeMap::new();
        for (talker, shard) in &self.shards {
            if let Some(shard) = shard {
                by_key.insert(key_of(*talker), *shard as u32);
            }
        }
        program(&by_key.into_iter().collect::<Vec<_>>())
    }
}

/// Multiplier that spreads ports over a word (Knuth's).
const SPREAD: u32 = 0x9E37_79B1;
/// Stands for "spread by hash": no group has as many sockets.
const BY_HASH: u32 = u32::MAX;
/// Keys that are compared one after the other at the end of the search.
const RUN: usize = 4;
/// Where a program reads the network header (linux/filter.h, `SKF_NET_OFF`).
const NET: u32 = -0x10_0000_i32 as u32;

/// asm-generic/socket.h; the libc crate has it for Android only.
const SO_ATTACH_REUSEPORT_CBPF: libc::c_int = 51;

/// What the program knows an address by.
fn key_of(address: SocketAddr) -> u32 {
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            (0..4).fold(0, |key, word| key ^ (bits >> (32 * word)) as u32)
        }
    };
    ip ^ u32::from(address.port()).wrapping_mul(SPREAD)
}

/// A program that answers with the shard of a check's receiver or of a datagram's source. `keys` are
/// sorted.
///
/// Headers with options have their ports elsewhere; such a datagram finds no key.
fn program(keys: &[(u32, u32)]) -> Vec<libc::sock_filter> {
    let mut code = checks();
    code.extend([
        // The version: the key of IPv6 is folded, that of IPv4 is not.
        load(libc::BPF_B, NET),
        step(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 4),
        jump(libc::BPF_JEQ, 6, 0, 15),
        load(libc::BPF_H, NET + 40),
        step(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, SPREAD),
    ]);
    for word in 0..4 {
        code.push(step(libc::BPF_MISC | libc::BPF_TAX, 0));
        code.push(load(libc::BPF_W, NET + 8 + 4 * word));
        code.push(step(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X, 0));
    }
    code.push(step(libc::BPF_JMP | libc::BPF_JA, 5));
    code.push(load(libc::BPF_H, NET + 20));
    code.push(step(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, SPREAD));
    code.push(step(libc::BPF_MISC | libc::BPF_TAX, 0));
    code.push(load(libc::BPF_W, NET + 12));
    code.push(step(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X, 0));
    search(keys, &mut code);
    code
}

/// Attributes of a check among which its receiver's name is looked for. Browsers send six to eight, the
/// name among the first.
const ATTRIBUTES: usize = 6;

/// Answers with the mark of whom a check names; goes on behind itself for everything else.
///
/// Offsets count from the end of the UDP header. One that lies behind the end of the datagram ends the
/// program with the first shard, as a mark may that no shard has; it is handed over from there.
fn checks() -> Vec<libc::sock_filter> {
    let name = stun::HEADER as u32;
    let kind = u32::from(u16::from_be_bytes(stun::BINDING_REQUEST));
    let mut code = vec![
        // Long enough for an attribute with a mark.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0),
        jump(libc::BPF_JGE, name + 8, 0, ELSEWHERE),
        load(libc::BPF_H, 0),
        jump(libc::BPF_JEQ, kind, 0, ELSEWHERE),
        load(libc::BPF_W, 4),
        jump(libc::BPF_JEQ, u32::from_be_bytes(stun::MAGIC_COOKIE), 0, ELSEWHERE),
        step(libc::BPF_LDX | libc::BPF_W | libc::BPF_IMM, name),
    ];
    for _ in 0..ATTRIBUTES {
        code.extend([
            indexed(libc::BPF_H, 0),
            jump(libc::BPF_JEQ, u32::from(stun::USERNAME), FOUND, 0),
            // The next begins at a multiple of four (RFC 8489 §14).
            indexed(libc::BPF_H, 2),
            step(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_K, 4 + 3),
            step(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, !3),
            step(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0),
            step(libc::BPF_MISC | libc::BPF_TAX, 0),
        ]);
    }
    let on = code.len();
    code.push(step(libc::BPF_JMP | libc::BPF_JA, 0));
    let found = code.len();
    let letter = |at: u32| {
        let first = u32::from(stun::FIRST_LETTER);
        [indexed(libc::BPF_B, 4 + at), step(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_K, first)]
    };
    code.extend(letter(1));
    code.push(step(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, stun::LETTERS.into()));
    code.push(step(libc::BPF_ST, 0));
    code.extend(letter(0));
    code.push(step(libc::BPF_LDX | libc::BPF_W | libc::BPF_MEM, 0));
    code.push(step(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0));
    code.push(step(libc::BPF_RET | libc::BPF_A, 0));
    let end = code.len();
    for (at, step) in code.iter_mut().enumerate() {
        for place in [&mut step.jt, &mut step.jf] {
            match *place {
                FOUND => *place = (found - at - 1) as u8,
                ELSEWHERE => *place = (end - at - 1) as u8,
                _ => {}
            }
        }
    }
    code[on].k = (end - on - 1) as u32;
    code
}

/// Stand for places that are not known yet: where a name was found, and behind the checks.
const FOUND: u8 = u8::MAX;
const ELSEWHERE: u8 = u8::MAX - 1;

/// Appends a binary search for the accumulator.
fn search(keys: &[(u32, u32)], code: &mut Vec<libc::sock_filter>) {
    if keys.len() <= RUN {
        for (key, shard) in keys {
            code.push(jump(libc::BPF_JEQ, *key, 0, 1));
            code.push(step(libc::BPF_RET | libc::BPF_K, *shard));
        }
        code.push(step(libc::BPF_RET | libc::BPF_K, BY_HASH));
        return;
    }
    let (low, high) = keys.split_at(keys.len() / 2);
    code.push(jump(libc::BPF_JGE, high[0].0, 0, 1));
    // A conditional jump reaches 255 steps only, this one any number.
    let far = code.len();
    code.push(step(libc::BPF_JMP | libc::BPF_JA, 0));
    search(low, code);
    code[far].k = (code.len() - far - 1) as u32;
    search(high, code);
}

fn step(operation: u32, operand: u32) -> libc::sock_filter {
    libc::sock_filter { code: operation as u16, jt: 0, jf: 0, k: operand }
}

fn load(size: u32, from: u32) -> libc::sock_filter {
    step(libc::BPF_LD | size | libc::BPF_ABS, from)
}

/// Loads from where the index register points, and on.
fn indexed(size: u32, from: u32) -> libc::sock_filter {
    step(libc::BPF_LD | size | libc::BPF_IND, from)
}

fn jump(condition: u32, operand: u32, yes: u8, no: u8) -> libc::sock_filter {
    let operation = libc::BPF_JMP | condition | libc::BPF_K;
    libc::sock_filter { code: operation as u16, jt: yes, jf: no, k: operand }
}

/// Gives the program to the group of sockets that share the port.
fn attach(socket: &Socket, code: &[libc::sock_filter]) -> io::Result<()> {
    let length = u16::try_from(code.len()).map_err(|_| io::Error::other("too long"))?;
    // The kernel only reads through the pointer.
    let program = libc::sock_fprog { len: length, filter: code.as_ptr().cast_mut() };
    // SAFETY: the descriptor is open; the option's value is a sock_fprog whose pointer and length
    // describe `code`, and both outlive the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size_of_val(&program) as libc::socklen_t,
        )
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Starts the thread that steers. It ends when all senders of `reports` are gone.
///
/// # Errors
///
/// When the process has no thread left.
pub(crate) fn start(
    socket: Socket,
    directory: Arc<Directory>,
    reports: Receiver<SocketAddr>,
) -> io::Result<std::thread::JoinHandle<()>> {
    let name = "media-steering".to_owned();
    std::thread::Builder::new().name(name).spawn(move || run(&socket, &directory, &reports))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::mpsc::sync_channel;

    use socket2::Domain;
    use socket2::Type;

    use super::*;

    /// Sockets that share a port of loopback.
    fn group(ip: &str, count: usize) -> Option<Vec<UdpSocket>> {
        let mut address: SocketAddr = SocketAddr::new(ip.parse().expect("address"), 0);
        (0..count)
            .map(|_| {
                let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None).ok()?;
                socket.set_reuse_port(true).ok()?;
                socket.bind(&address.into()).ok()?;
                address = socket.local_addr().ok()?.as_socket()?;
                let socket = UdpSocket::from(socket);
                socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
                Some(socket)
            })
            .collect()
    }

    #[test]
    fn the_kernel_delivers_each_talker_to_its_shard_in_either_family() {
        for (ip, needed) in [("127.0.0.1", true), ("::1", false)] {
            let Some(group) = group(ip, 3) else {
                assert!(!needed, "this machine has no {ip}");
                continue;
            };
            let to = group[0].local_addr().expect("bound");
            let clients: Vec<_> =
                (0..300).map(|_| UdpSocket::bind((ip, 0)).expect("a port")).collect();
            let mut talkers = Talkers::default();
            let address_of = |client: &UdpSocket| client.local_addr().expect("bound");
            clients.iter().for_each(|client| talkers.add(address_of(client)));
            let shard_of = |talker: SocketAddr| Some(usize::from(talker.port() % 3));
            assert!(talkers.review(shard_of));
            assert!(!talkers.review(shard_of), "nothing changed");

            let socket = Socket::from(group[0].try_clone().expect("a descriptor"));
            attach(&socket, &talkers.program()).expect("the kernel takes it");

            for client in &clients {
                let from = address_of(client);
                client.send_to(&[1], to).expect("loopback");
                let shard = &group[shard_of(from).expect("known")];
                assert_eq!(shard.recv_from(&mut [0; 8]).expect("delivered here").1, from);
            }
        }
    }

    #[test]
    fn the_kernel_delivers_a_check_to_the_shard_whose_mark_its_receiver_has() {
        let group = group("127.0.0.1", 3).expect("loopback");
        let to = group[0].local_addr().expect("bound");
        let socket = Socket::from(group[0].try_clone().expect("a descriptor"));
        attach(&socket, &Talkers::default().program()).expect("the kernel takes it");

        for shard in 0..3 {
            let name = String::from_utf8(stun::mark_of(shard).to_vec()).expect("letters") + "rest";
            for turn in 0..60_u8 {
                let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
                let mut check = Vec::new();
                let username = format!("{name}:theirs");
                stun::nomination([turn; 12], &username, "a password", &mut check);
                if turn % 2 == 0 {
                    // Behind another attribute, of five bytes and three to fill up.
                    let other = [0x80, 0x22, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
                    check.splice(stun::HEADER..stun::HEADER, other);
                }
                client.send_to(&check, to).expect("loopback");

                let mut heard = [0; 200];
                let length = group[usize::from(shard)].recv(&mut heard).expect("delivered here");
                assert_eq!(&heard[..length], check);
            }
        }
    }

    #[test]
    fn what_is_no_check_or_names_no_shard_is_delivered_all_the_same() {
        let group = group("127.0.0.1", 3).expect("loopback");
        let to = group[0].local_addr().expect("bound");
        let socket = Socket::from(group[0].try_clone().expect("a descriptor"));
        attach(&socket, &Talkers::default().program()).expect("the kernel takes it");
        group.iter().for_each(|socket| socket.set_nonblocking(true).expect("possible"));
        let mut check = Vec::new();
        stun::nomination([1; 12], "zz:theirs", "a password", &mut check);
        let mut nameless = check.clone();
        nameless[20..22].copy_from_slice(&[0x80, 0x22]);
        let mut endless = check.clone();
        endless[20..24].copy_from_slice(&[0x80, 0x22, 0xFF, 0xFF]);

        let all = [&check[..], &nameless, &endless, &check[..24], &check[..29], &[0, 1], &[]];
        for datagram in all {
            let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
            client.send_to(datagram, to).expect("loopback");

            let heard = group.iter().filter(|socket| socket.recv(&mut [0; 200]).is_ok()).count();
            assert_eq!(heard, 1, "{datagram:?}");
        }
    }

    #[test]
    fn a_full_table_is_a_program_that_the_kernel_takes_and_one_without_talkers_too() {
        let group = group("127.0.0.1", 2).expect("loopback");
        let socket = Socket::from(group[0].try_clone().expect("a descriptor"));
        let mut talkers = Talkers::default();
        assert!(attach(&socket, &talkers.program()).is_ok());
        for port in 1..=2 * MOST as u16 {
            talkers.add(SocketAddr::from(([192, 0, 2, 1], port)));
        }
        talkers.review(|_| Some(1));

        assert_eq!(talkers.shards.len(), MOST);
        assert!(attach(&socket, &talkers.program()).is_ok());
        assert!(talkers.review(|_| None) && talkers.is_empty(), "all left");
    }

    #[test]
    fn only_who_is_handed_over_again_and_again_is_reported_and_once() {
        let (reports, reported) = sync_channel(4);
        let mut strays = Strays::new(reports);
        let [talker, listener] = [1, 2].map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        for _ in 0..ENOUGH - 1 {
            strays.note(talker);
        }
        strays.forget();
        for _ in 0..50 {
            strays.note(talker);
        }
        strays.note(listener);

        assert!(reported.try_iter().eq([talker]));
    }
}
