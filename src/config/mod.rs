//! What an operator can set, section by section. Where each value came from is [`Effective`]'s.

mod fields;
mod layers;
mod suggest;

use std::net::SocketAddr;
use std::path::PathBuf;

use media::MediaConfig;
use serde::Deserialize;
use serde::Serialize;
use signaling::SignalingConfig;

pub use layers::ConfigError;
pub use layers::Effective;
pub use layers::Origin;
pub use layers::Sources;

/// The commented file of all keys at their defaults; `config.example.toml` is the same text.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Everything that can be configured; each key has a default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`.
    pub server: ServerConfig,
    /// `[tls]`.
    pub tls: TlsConfig,
    /// `[signaling]`.
    pub signaling: SignalingConfig,
    /// `[media]`. Unless a file, variable or flag sets `media.listen`, it is `server.listen`.
    pub media: MediaConfig,
}

/// `[server]`: the process itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The one port, TCP for people and bots, UDP for voice. Default `0.0.0.0:8443`. Port 0 lets
    /// the kernel choose, for tests.
    pub listen: SocketAddr,
    /// Where everything that must survive lives. Default `data`, in the current folder.
    pub data_dir: PathBuf,
    /// What is logged, as a `tracing` filter, e.g. `info,signaling=debug`. Default `info`.
    pub log: String,
    /// In which form. Default `human`.
    pub log_format: LogFormat,
    /// Address of `/healthz`, `/readyz` and `/metrics`; keep it away from the public. Default
    /// `127.0.0.1:8444`; empty turns it off.
    #[serde(with = "optional_address")]
    pub private_listen: Option<SocketAddr>,
    /// TCP connections at once; the next waits until one ends. Default 10000. Each costs one file
    /// descriptor and about 50 KiB; higher than `ulimit -n` makes accepting fail instead of wait.
    pub max_connections: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
            data_dir: PathBuf::from("data"),
            log: "info".to_owned(),
            log_format: LogFormat::Human,
            private_listen: Some(SocketAddr::from(([127, 0, 0, 1], 8444))),
            max_connections: 10_000,
        }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For eyes.
    Human,
    /// One JSON object a line, for collectors.
    Json,
}

/// `[tls]`: how the port proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Default `development`.
    pub mode: TlsMode,
    /// PEM file of the certificate and its chain, for mode `files`.
    pub cert: Option<PathBuf>,
    /// PEM file of its private key, for mode `files`.
    pub key: Option<PathBuf>,
    /// Names and addresses that the development certificate is made for, beside those that the
    /// machine knows of itself. Default none.
    pub extra_names: Vec<String>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { mode: TlsMode::Development, cert: None, key: None, extra_names: Vec::new() }
    }
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// From a private CA, made at first start in the data folder.
    Development,
    /// From files; read again on SIGHUP.
    Files,
    /// Plain HTTP for everybody: only behind a proxy that speaks TLS. Voice clients need TLS.
    Off,
}

/// An address, or none as the empty string: TOML has no null.
mod optional_address {
    use std::net::SocketAddr;

    use serde::Deserialize as _;
    use serde::Deserializer;
    use serde::Serializer;
    use serde::de::Error as _;

    pub(super) fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&address.map(|a| a.to_string()).unwrap_or_default())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| {
            D::Error::custom("expected an address such as \"127.0.0.1:8444\", or \"\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example's keys, uncommented.
    fn example() -> toml::Table {
        let keys: String = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key,
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        keys.parse().expect("the example is TOML")
    }

    #[test]
    fn the_example_is_a_valid_file_that_changes_nothing() {
        let config: Config = toml::from_str(EXAMPLE).expect("valid");

        assert_eq!(
            toml::to_string(&config).expect("serialises"),
            toml::to_string(&Config::default()).expect("serialises")
        );
    }

    #[test]
    fn the_example_shows_every_key_and_no_other() {
        let shown = example();
        let mut missing = Vec::new();
        let mut unknown = Vec::new();

        for section in fields::of::<Config>() {
            let keys = fields::of_section(section);
            let table = shown.get(*section).and_then(|s| s.as_table()).cloned().unwrap_or_default();
            missing.extend(
                keys.iter()
                    .filter(|key| !table.contains_key(**key))
                    .map(|key| format!("{section}.{key}")),
            );
            unknown.extend(
                table
                    .keys()
                    .filter(|key| !keys.contains(&key.as_str()))
                    .map(|key| format!("{section}.{key}")),
            );
        }

        assert_eq!(missing, Vec::<String>::new(), "not in config.example.toml");
        assert_eq!(unknown, Vec::<String>::new(), "only in config.example.toml");
    }

    #[test]
    fn the_example_tells_the_true_defaults() {
        let defaults = toml::Table::try_from(Config::default()).expect("serialises");

        for (section, keys) in &example() {
            for (key, shown) in keys.as_table().expect("sections") {
                let Some(default) = defaults[section].get(key) else { continue };
                assert_eq!(shown, default, "{section}.{key}");
            }
        }
    }
}
