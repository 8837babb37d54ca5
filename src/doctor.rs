//! `guildhall doctor`: looks at what usually keeps clients at "connecting", and says the remedy.

use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

use crate::config::Config;
use crate::config::TlsMode;
use crate::tls;

/// One finding: what was looked at, whether it is well, and what to know or do.
type Finding = (&'static str, bool, String);

/// Prints all findings; whether all is well.
pub(crate) fn run(config: &Config) -> bool {
    let findings = [
        data_folder(config),
        disk(config),
        tcp(config.server.listen),
        udp(config.media.listen),
        address(config),
        clock(),
        certificate(config),
    ];
    let mut well = true;
    for (what, fine, text) in findings {
        let mark = if fine { "ok  " } else { "FAIL" };
        println!("{mark} {what:<12} {text}");
        well &= fine;
    }
    well
}

fn data_folder(config: &Config) -> Finding {
    let data = &config.server.data_dir;
    let probe = data.join(".doctor");
    let result = std::fs::create_dir_all(data).and_then(|()| std::fs::write(&probe, b"x"));
    let _ = std::fs::remove_file(&probe);
    match result {
        Ok(()) => ("data folder", true, format!("{} can be written", data.display())),
        Err(error) => {
            let remedy = "give this user the folder, or choose another --data-dir";
            ("data folder", false, format!("{}: {error}; {remedy}", data.display()))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the doctor measures")]
fn disk(config: &Config) -> Finding {
    let path = config.server.data_dir.join(".doctor-sync");
    let began = Instant::now();
    let synced = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&[0; 4_096])?;
        file.sync_all()
    });
    let took = began.elapsed();
    let _ = std::fs::remove_file(&path);
    match synced {
        Ok(()) if took < Duration::from_millis(200) => {
            ("disk", true, format!("one durable write took {took:.1?}"))
        }
        Ok(()) => {
            let remedy = "messages will wait for it; use a local disk";
            ("disk", false, format!("one durable write took {took:.1?}; {remedy}"))
        }
        Err(error) => ("disk", false, format!("{error}; is it full?")),
    }
}

fn tcp(address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => ("TCP port", true, format!("{address} is free")),
        Err(_) => {
            let near = SocketAddr::from(([127, 0, 0, 1], address.port()));
            let answers =
                std::net::TcpStream::connect_timeout(&near, Duration::from_secs(2)).is_ok();
            let text = if answers {
                format!("a server answers on {address}")
            } else {
                format!("{address} cannot be had; choose another --listen")
            };
            ("TCP port", answers, text)
        }
    }
}

/// Sends a datagram to the media port and back through the kernel, when the port is free; when
/// the server has it, that it is held.
fn udp(address: SocketAddr) -> Finding {
    let Ok(socket) = UdpSocket::bind(address) else {
        return ("UDP port", true, format!("{address} is held, by the running server one hopes"));
    };
    let near = SocketAddr::from(([127, 0, 0, 1], address.port()));
    let round = || -> std::io::Result<()> {
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        let probe = UdpSocket::bind("127.0.0.1:0")?;
        probe.send_to(b"doctor", near)?;
        let mut buffer = [0; 16];
        socket.recv_from(&mut buffer).map(drop)
    };
    match round() {
        Ok(()) => ("UDP port", true, format!("{address} is free and datagrams arrive")),
        Err(error) => {
            let remedy = "a local firewall drops UDP: voice needs this one port, both ways";
            ("UDP port", false, format!("{address}: {error}; {remedy}"))
        }
    }
}

fn address(config: &Config) -> Finding {
    let outward = tls::outward_address().map_or_else(|| "none".to_owned(), |ip| ip.to_string());
    match config.signaling.announce_ip {
        Some(ip) => ("address", true, format!("voice is announced at {ip}; ours is {outward}")),
        None => {
            let text = "voice is announced where each client reached us";
            let hint = "behind NAT set signaling.announce_ip to the outer address";
            ("address", true, format!("{text} (ours: {outward}); {hint}"))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the doctor looks at the clock")]
fn clock() -> Finding {
    let year = time::OffsetDateTime::from(std::time::SystemTime::now()).year();
    let fine = (2026..2100).contains(&year);
    let text = if fine {
        format!("the year is {year}")
    } else {
        format!("the year is {year}: set the clock, or certificates and ids are wrong")
    };
    ("clock", fine, text)
}

fn certificate(config: &Config) -> Finding {
    if config.tls.mode == TlsMode::Off {
        let text = "TLS is off: bots cannot use voice unless a proxy adds it";
        return ("certificate", true, text.to_owned());
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match tls::server(&config.tls, &config.server.data_dir) {
        Ok(_) if config.tls.mode == TlsMode::Development => {
            let file = tls::ca_file(&config.server.data_dir);
            let text = format!("a private CA; clients must trust {}", file.display());
            ("certificate", true, text)
        }
        Ok(_) => ("certificate", true, "the certificate and its key can be used".to_owned()),
        Err(error) => ("certificate", false, format!("{error:#}")),
    }
}
