//! The load generator against the server that it starts, as an operator runs both.

use std::process::Command;

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
