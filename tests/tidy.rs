//! The invariants of ARCHITECTURE.md that a compiler does not know, as tests.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Which crate may import which. Adding an arrow is an architecture change: see docs/adr.
const ARROWS: &[(&str, &[&str])] = &[
    ("crates/model", &[]),
    ("crates/state", &["model"]),
    ("crates/cluster", &["model"]),
    ("crates/storage", &["model", "state"]),
    ("crates/tunem", &[]),
    ("media", &["cluster", "model", "state"]),
    ("signaling", &["cluster", "model", "state"]),
];

/// Our crates; all else in a manifest is somebody else's.
const OURS: &[&str] = &["cluster", "media", "model", "server", "signaling", "state", "storage"];

/// What only one place may name, and the paths that are that place.
const ONLY: &[(&str, &[&str])] = &[
    (
        "str0m::",
        &["media/src/shard/tests", "media/tests", "crates/fuzz", "src/bench/voice/browser.rs"],
    ),
    ("sqlx", &["crates/storage"]),
    ("axum", &["signaling", "src", "tests"]),
    ("libc::", &["media/src/shell", "crates/tunem/src", "src"]),
];

/// Where code may be unsafe: the server's sockets, and the test tool that makes network devices.
const UNSAFE: &[&str] = &["media/src/shell", "crates/tunem/src/tun.rs"];

/// Lines of a file above its tests, at most; a ceiling of taste that keeps god-files away.
const CEILING: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<_> =
        ["src", "signaling", "media", "crates", "tests", "benches"].map(|f| root().join(f)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if !["target", "node_modules", ".venv", "data"].iter().any(|skip| name == *skip) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 50, "the walk found only {} files", files.len());
    files
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("walked from the root").to_string_lossy().into_owned()
}

/// The source without its `#[cfg(test)]` module, which stands last in a file.
fn above_tests(source: &str) -> &str {
    source.split("\n#[cfg(test)]\n").next().unwrap_or(source)
}

#[test]
fn no_crate_imports_against_the_arrows() {
    for (folder, allowed) in ARROWS {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let dependencies = manifest
            .split("\n[")
            .find(|section| section.starts_with("dependencies]"))
            .expect("every crate has dependencies");
        for line in dependencies.lines() {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            assert!(
                !OURS.contains(&name) || allowed.contains(&name),
                "{folder} may not import {name}"
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for path in rust_files() {
        let source = fs::read_to_string(&path).unwrap();
        assert!(source.starts_with("//!"), "{} does not open with //!", relative(&path));
    }
}

#[test]
fn no_file_is_a_god_file() {
    for path in rust_files() {
        let source = fs::read_to_string(&path).unwrap();
        let lines = above_tests(&source).lines().count();
        assert!(lines <= CEILING, "{} has {lines} lines above its tests", relative(&path));
    }
}

#[test]
fn engines_are_known_in_one_place_only() {
    for path in rust_files() {
        let name = relative(&path);
        if name == "tests/tidy.rs" {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for (word, places) in ONLY {
            let used = source.lines().any(|line| {
                let code = line.trim_start();
                !code.starts_with("//") && code.contains(word)
            });
            assert!(
                !used || places.iter().any(|place| name.starts_with(place)),
                "{name} names {word}"
            );
        }
    }
}

#[test]
fn unsafe_lives_in_two_places_and_is_explained() {
    for path in rust_files() {
        let name = relative(&path);
        if name == "tests/tidy.rs" {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = source.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            if code.starts_with("//") || !code.contains("unsafe {") {
                continue;
            }
            let allowed = UNSAFE.iter().any(|place| name.starts_with(place));
            assert!(allowed, "{name} has unsafe code");
            let explained = lines[number.saturating_sub(6)..number]
                .iter()
                .any(|before| before.trim_start().starts_with("// SAFETY:"));
            assert!(explained, "{name}:{} has no SAFETY line", number + 1);
        }
    }
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    for path in rust_files() {
        let name = relative(&path);
        if name == "tests/tidy.rs" {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for word in ["#[ignore", "todo!(", "unimplemented!("] {
            assert!(!source.contains(word), "{name} has {word}");
        }
    }
}
