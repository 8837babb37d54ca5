//! A TUN device: a network card whose packets this process reads and writes. The only file here with
//! `unsafe`: the request that names a device has no safe wrapper.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context as _;

/// The kernel's door to TUN devices (Documentation/networking/tuntap.rst).
const DOOR: &str = "/dev/net/tun";

/// Makes the device `name`, which goes with the returned file. Reading one packet at a time, IP header
/// first; never waits.
///
/// # Errors
///
/// When the kernel has no TUN, the caller may not make devices, or the name is taken or too long; with
/// what to do about it.
pub(crate) fn make(name: &str) -> anyhow::Result<File> {
    let file = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(DOOR);
    let file = file.with_context(|| {
        format!("cannot open {DOOR}: load the module `tun`, or pass the device into the container")
    })?;
    // SAFETY: zeroes are a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0.
    let room = request.ifr_name.len() - 1;
    anyhow::ensure!(!name.is_empty() && name.len() <= room, "a name has 1 to {room} bytes");
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the request outlives the call, and TUNSETIFF reads and writes no more than an ifreq.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if result < 0 {
        let error = io::Error::last_os_error();
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied => ": run it as root",
            io::ErrorKind::ResourceBusy => ": the name is taken",
            _ => "",
        };
        return Err(error).with_context(|| format!("cannot make the device {name}{remedy}"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_device_can_have_is_refused_with_a_reason() {
        for name in ["", "a-name-longer-than-fifteen"] {
            let error = make(name).expect_err("refused").to_string();
            assert!(error.contains("1 to 15 bytes") || error.contains(DOOR), "{error}");
        }
    }
}
