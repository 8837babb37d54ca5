//! The load generator against the server that it starts, as an operator runs both.

#![expect(clippy::disallowed_methods, reason = "how long a bench takes is asked of it")]

use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

fn bench(arguments: &[&str]) -> (bool, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["bench", "voice", "--json"])
        .args(arguments)
        .output()
        .expect("the program runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap_or_default(), errors)
}

#[test]
fn every_listener_hears_every_packet_of_its_room_by_every_transport() {
    for mode in ["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize", "webrtc"] {
        let sizes = ["--rooms", "2", "--speakers", "2", "--listeners", "3", "--seconds", "1"];

        let (success, report, errors) = bench(&[&sizes[..], &["--mode", mode]].concat());

        assert!(success, "{errors}");
        // Two rooms, two speakers in each at 50 packets a second, three listeners to each.
        assert_eq!(report["server"]["packets"], 600, "{report}");
        assert_eq!(report["floor"]["packets"], 600, "{report}");
        assert_eq!(report["strange"], 0, "{report}");
        assert_eq!(report["mode"], mode);
        let (udp, browsers) = (&report["udp_join"]["joins"], &report["browser_join"]["joins"]);
        if mode == "webrtc" {
            assert_eq!((udp, browsers), (&4.into(), &6.into()));
        } else {
            assert_eq!((udp, browsers), (&10.into(), &Value::Null));
        }
        assert_eq!(report["bars"][0]["bar"], "CPU per forwarded packet / floor", "{report}");
    }
}

#[test]
fn a_server_that_pairs_takes_turns_with_one_that_does_not() {
    let sizes = ["--speakers", "3", "--listeners", "2", "--seconds", "1", "--paired"];

    let (success, report, errors) = bench(&sizes);

    assert!(success, "{errors}");
    assert_eq!(report["rhythm"], "free");
    for row in ["server", "paired", "floor"] {
        assert_eq!(report[row]["packets"], 300, "{report}");
    }
    // Who waits for others is late, by up to 2 ms. Who does not may be as late on a busy machine.
    let p50 = report["paired"]["added_latency_p50_ms"].as_f64().expect("a time");
    assert!(p50 > 0.5, "{report}");
}

#[test]
fn janus_carries_the_same_load_in_turns_if_it_is_installed() {
    let sizes = ["--speakers", "2", "--listeners", "3", "--seconds", "1", "--janus"];
    let transports = ["--mode", "webrtc", "--speaker-mode", "webrtc"];

    let (success, report, errors) = bench(&[&sizes[..], &transports].concat());

    assert!(success, "{errors}");
    assert_eq!(report["server"]["packets"], 300, "{report}");
    assert_eq!(report["browser_join"]["joins"], 5, "{report}");
    if errors.contains("SKIPPED: Janus is not installed") {
        assert_eq!(report["janus"], Value::Null);
    } else {
        assert_eq!(report["janus"]["packets"], 300, "{report}");
        assert!(report["over_janus"]["median"].as_f64() > Some(0.0), "{report}");
    }
}

#[test]
fn what_networks_lose_on_purpose_is_missed_by_listeners_and_judged_by_no_bar() {
    let sizes = ["--speakers", "4", "--listeners", "5", "--seconds", "4", "--loss", "20"];

    let (success, report, errors) = bench(&sizes);

    assert!(success, "{errors}");
    // 20 % of 800 uplink packets, and 20 % of what is left on 5 downlinks: 36 %.
    let loss = report["server"]["loss"].as_f64().expect("a figure");
    assert!((0.28..0.44).contains(&loss), "{report}");
    assert_eq!(report["floor"]["loss"], 0.0, "{report}");
    assert_eq!(report["bars"], serde_json::json!([]), "{report}");
    assert_eq!(report["open_bars"].as_array().map(Vec::len), Some(15), "{report}");
}

#[test]
fn joins_at_a_pace_take_the_time_that_the_pace_asks_for() {
    let sizes = ["--speakers", "2", "--listeners", "8", "--seconds", "1"];
    let began = Instant::now();

    let (success, report, errors) = bench(&[&sizes[..], &["--joins-per-second", "2"]].concat());

    assert!(success, "{errors}");
    // The first of each of both groups comes at once, eight follow at half a second.
    assert!(began.elapsed() >= Duration::from_secs(4));
    assert_eq!(report["udp_join"]["joins"], 10, "{report}");
    assert_eq!(report["udp_join"]["failures"], 0, "{report}");

    let (success, _, errors) = bench(&[&sizes[..], &["--joins-per-second", "0"]].concat());
    assert!(!success && errors.contains("joins-per-second"), "{errors}");
}

#[cfg(feature = "mouth-to-ear")]
#[test]
fn every_chirp_is_heard_after_a_frame_and_what_the_codec_looks_ahead_and_not_long_after() {
    let output = Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["bench", "mouth-to-ear", "--json", "--chirps", "3"])
        .output()
        .expect("the program runs");

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["missed"], &report["lost"]), (&0.into(), &0.into()), "{report}");
    let figure = |name: &str| report[name].as_f64().expect("a figure");
    let least = figure("frame_ms") + figure("lookahead_ms");
    assert!((26.0..28.0).contains(&least), "{report}");
    let whole = figure("whole_path_p50_ms");
    assert!(whole > least + figure("server_path_p50_ms") && whole < 150.0, "{report}");
}

#[test]
fn a_server_that_is_not_there_is_an_error_and_no_figures() {
    let server = ["--server", "127.0.0.1:1", "--speakers", "1", "--listeners", "1"];
    let tokens = ["--token", "a.b.c", "--token", "d.e.f"];

    let (success, report, errors) = bench(&[&server[..], &tokens].concat());

    assert!(!success);
    assert_eq!(report, Value::Null);
    assert!(errors.contains("cannot open a WebSocket to 127.0.0.1:1"), "{errors}");
}

#[test]
fn a_participant_without_a_token_is_missed_before_anything_is_measured() {
    let server = ["--server", "127.0.0.1:1", "--speakers", "1", "--listeners", "1"];

    let (success, _, errors) = bench(&[&server[..], &["--token", "a.b.c"]].concat());

    assert!(!success);
    assert!(errors.contains("2 participants need 2 tokens; 1 were given"), "{errors}");
}

/// A server of somebody's own, on a port of its own.
struct Server {
    process: Child,
    data: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// Starts it on a port that the system chooses, and waits until it says which.
    fn start() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut process = command(data.path())
            .arg("serve")
            .env("GUILDHALL__SERVER__LISTEN", "0.0.0.0:0")
            .env("GUILDHALL__SERVER__PRIVATE_LISTEN", "")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut said = BufReader::new(process.stdout.take().expect("piped")).lines();
        let port = said.find_map(|line| {
            line.expect("text").trim().strip_prefix("voice       UDP port ")?.parse().ok()
        });
        let port = port.expect("the server says its port before it ends");
        // Read on: who says something to a pipe that nobody holds ends.
        std::thread::spawn(move || said.for_each(drop));
        Self { process, data, port }
    }

    /// An admin command; whether it succeeded, and its answer.
    fn tell(&self, arguments: &[&str]) -> (bool, Value) {
        let output = command(self.data.path()).args(arguments).arg("--json").output();
        let output = output.expect("the program runs");
        (output.status.success(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.current_dir(data).arg("--data-dir").arg(data.join("data"));
    command
}

#[test]
fn a_server_that_runs_already_is_measured_by_bots_of_its_own() {
    let server = Server::start();
    server.tell(&["user", "add", "ana", "--owner"]);
    let (_, guild) = server.tell(&["guild", "create", "Harbour", "--owner", "ana"]);
    let guild = guild["value"]["id"].as_str().expect("a guild").to_owned();
    let token = |name: &str| {
        let (_, bot) = server.tell(&["bot", "add", name, "--guild", &guild]);
        bot["value"]["token"].as_str().expect("a token").to_owned()
    };
    let (speaker, first, second) = (token("speaker"), token("first"), token("second"));
    let (host, pid) = (format!("localhost:{}", server.port), server.process.id().to_string());
    let ca = server.data.path().join("data/tls/ca.pem");
    let arguments = [
        ["--server", &host],
        ["--ca", ca.to_str().expect("a path")],
        ["--pid", &pid],
        ["--speakers", "1"],
        ["--listeners", "2"],
        ["--seconds", "1"],
        ["--token", &speaker],
        ["--token", &first],
        ["--token", &second],
    ];

    let (success, report, errors) = bench(&arguments.concat());

    assert!(success, "{errors}");
    assert_eq!(report["server"]["packets"], 100, "{report}");
    assert!(report["server"]["cpu_per_forwarded_packet_us"].as_f64() > Some(0.0), "{report}");
}
