//! What the kernel says of a datagram, and is told, beside its bytes: which address of ours was
//! asked, which one the answer leaves from, and into which lengths it is cut.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::ptr;

use crate::shell::address::to_six;

/// Room for one `IP_PKTINFO` or `IPV6_PKTINFO` and one `UDP_SEGMENT` beside a datagram, aligned as
/// the kernel's headers are.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control([u8; 64]);

impl Control {
    /// Nothing yet.
    pub(super) const EMPTY: Self = Self([0; 64]);
}

/// Asks the kernel to cut what is sent into datagrams of this length (linux/udp.h).
pub(super) const UDP_SEGMENT: libc::c_int = 103;

/// The address of ours that a received datagram was sent to (ip(7), `IP_PKTINFO`; RFC 3542 §6.1).
pub(super) fn asked_address(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel filled in the header, whose control data is still there.
    let first = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: CMSG_FIRSTHDR returns null or a header inside the control data.
    let control = unsafe { first.as_ref() }?;
    match (control.cmsg_level, control.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            // SAFETY: control data of that level and type is an in_pktinfo; it may be unaligned.
            let info =
                unsafe { libc::CMSG_DATA(first).cast::<libc::in_pktinfo>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into())
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            // SAFETY: control data of that level and type is an in6_pktinfo; it may be unaligned.
            let info =
                unsafe { libc::CMSG_DATA(first).cast::<libc::in6_pktinfo>().read_unaligned() };
            Some(IpAddr::V6(info.ipi6_addr.s6_addr.into()).to_canonical())
        }
        _ => None,
    }
}

/// Makes a datagram leave from `source`, by a socket of IPv6 if `six`.
pub(super) fn leave_from(
    source: IpAddr,
    six: bool,
    header: &mut libc::msghdr,
    control: &mut Control,
) {
    match (source, six) {
        (IpAddr::V4(source), false) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from(source).to_be() },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            put_control((libc::IPPROTO_IP, libc::IP_PKTINFO), info, header, control);
        }
        // The interface stays the routes' choice; for link-local addresses the destination's scope
        // names it.
        (source, true) => {
            let octets = to_six(source).octets();
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: octets },
                ipi6_ifindex: 0,
            };
            put_control((libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), info, header, control);
        }
        // An IPv4 socket is asked at IPv4 addresses only.
        (IpAddr::V6(_), false) => {}
    }
}

/// Puts one more item of control data beside a datagram.
pub(super) fn put_control<T>(
    (level, kind): (libc::c_int, libc::c_int),
    value: T,
    header: &mut libc::msghdr,
    control: &mut Control,
) {
    const { assert!(size_of::<T>() <= 20, "an in6_pktinfo is the largest") };
    let length = size_of::<T>() as u32;
    let used = header.msg_controllen;
    // SAFETY: it only computes a length.
    let space = unsafe { libc::CMSG_SPACE(length) } as usize;
    assert!(used + space <= size_of::<Control>(), "an address and a length have room");
    let at = ptr::from_mut(control).cast::<u8>();
    header.msg_control = at.cast();
    header.msg_controllen = (used + space) as _;
    // SAFETY: `used` is the sum of earlier spaces, hence aligned, and header and value end inside
    // the control data, as was just checked.
    unsafe {
        let item = at.add(used).cast::<libc::cmsghdr>();
        (*item).cmsg_level = level;
        (*item).cmsg_type = kind;
        (*item).cmsg_len = libc::CMSG_LEN(length) as _;
        libc::CMSG_DATA(item).cast::<T>().write_unaligned(value);
    }
}
