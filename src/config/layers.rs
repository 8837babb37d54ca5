//! Flag over variable over file over default: which one a value is from, and whose fault it is.
//!
//! The tree is two levels deep, `section.key`. Each key is checked alone, so that an error can
//! name the very line, variable or flag that set it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use toml::Table;
use toml::Value;
use toml::de::DeTable;

use super::Config;
use super::fields;
use super::suggest::nearest;

/// The start of every variable that sets a key: `GUILDHALL__SECTION__KEY`.
const PREFIX: &str = "GUILDHALL__";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// Nobody set it, and another key decides.
    Follows(&'static str),
    /// A line of a file, counted from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::Follows(key) => write!(f, "follows {key}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// Why there is no configuration. The text names file and line, variable or flag.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was asked for cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{origin}: {message}")]
    Syntax {
        /// Where it breaks.
        origin: Origin,
        /// What the parser expected.
        message: String,
    },
    /// There is no such section or key.
    #[error("{origin}: there is no key `{key}`{}", hint(.suggestion.as_deref()))]
    UnknownKey {
        /// Where it is set.
        origin: Origin,
        /// `section.key`, or the section alone.
        key: String,
        /// What was meant, perhaps.
        suggestion: Option<String>,
    },
    /// The value is not one that the key can have.
    #[error("{origin}: `{key}` cannot be {value}: {message}")]
    Value {
        /// Where it is set.
        origin: Origin,
        /// `section.key`.
        key: String,
        /// The value, as written.
        value: String,
        /// What would be right.
        message: String,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default()
}

/// What the layers are made of; [`Sources::load`] stacks them.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file to read. `None`: no file.
    pub file: Option<PathBuf>,
    /// Variables of the environment; those without our prefix are ignored.
    pub variables: Vec<(String, String)>,
    /// Flags: the flag's name, `section.key`, the value as text.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

/// A configuration and the origin of each of its keys.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The values.
    pub config: Config,
    origins: BTreeMap<String, Origin>,
}

/// One key that somebody set.
struct Setting {
    value: Value,
    origin: Origin,
}

impl Sources {
    /// Reads all layers and checks every key that they set, even one that a higher layer covers.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] of the first thing that is wrong.
    pub fn load(&self) -> Result<Effective, ConfigError> {
        let mut settings: BTreeMap<String, Setting> = BTreeMap::new();
        if let Some(path) = &self.file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
            read_file(path, &text, &mut settings)?;
        }
        let mut variables = self.variables.clone();
        variables.sort();
        for (name, text) in &variables {
            let Some(key) = name.strip_prefix(PREFIX) else { continue };
            let key = key.to_ascii_lowercase().replacen("__", ".", 1);
            set_text(&key, text, Origin::Variable(name.clone()), &mut settings)?;
        }
        for (flag, key, text) in &self.flags {
            set_text(key, text, Origin::Flag(flag), &mut settings)?;
        }
        Ok(Effective::of(settings))
    }
}

impl Effective {
    fn of(settings: BTreeMap<String, Setting>) -> Self {
        let mut table = Table::new();
        let mut origins = BTreeMap::new();
        for (path, setting) in settings {
            let Some((section, key)) = path.split_once('.') else { continue };
            let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(key.to_owned(), setting.value);
            }
            origins.insert(path, setting.origin);
        }
        // Every key was accepted alone, and no key's meaning depends on another.
        let mut config: Config = table.try_into().unwrap_or_default();
        if !origins.contains_key("media.listen") {
            config.media.listen = config.server.listen;
            origins.insert("media.listen".to_owned(), Origin::Follows("server.listen"));
        }
        Self { config, origins }
    }

    /// Where the value of `section.key` came from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The configuration as TOML, with the origin of each value beside it.
    #[must_use]
    pub fn describe(&self) -> String {
        let table = Table::try_from(&self.config).unwrap_or_default();
        let mut text = String::new();
        for section in fields::sections() {
            text.push_str(&format!("[{section}]\n"));
            for key in fields::of_section(section) {
                let line = match table.get(*section).and_then(|keys| keys.get(*key)) {
                    Some(value) => format!("{key} = {value}"),
                    None => format!("#{key} is not set"),
                };
                let origin = self.origin(&format!("{section}.{key}"));
                text.push_str(&format!("{line:<44} # {origin}\n"));
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len() + 1);
        text
    }
}

fn read_file(
    path: &Path,
    text: &str,
    settings: &mut BTreeMap<String, Setting>,
) -> Result<(), ConfigError> {
    let origin = |offset: usize| {
        let line =
            text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count();
        Origin::File(path.to_owned(), line + 1)
    };
    let syntax = |error: toml::de::Error| ConfigError::Syntax {
        origin: origin(error.span().map_or(text.len(), |span| span.start)),
        message: error.message().to_owned(),
    };
    let spans = DeTable::parse(text).map_err(syntax)?;
    let values: Table = toml::from_str(text).map_err(syntax)?;
    for (section, keys) in spans.get_ref() {
        let name = section.get_ref().as_ref();
        check_section(name, origin(section.span().start))?;
        let Some(keys) = keys.get_ref().as_table() else {
            return Err(ConfigError::Value {
                origin: origin(section.span().start),
                key: name.to_owned(),
                value: values[name].to_string(),
                message: format!("it is a section: write [{name}] and its keys below"),
            });
        };
        for key in keys.keys() {
            let path = format!("{name}.{}", key.get_ref());
            let value = values[name][key.get_ref().as_ref()].clone();
            set(&path, value, origin(key.span().start), settings)?;
        }
    }
    Ok(())
}

fn check_section(section: &str, origin: Origin) -> Result<(), ConfigError> {
    if fields::sections().contains(&section) {
        return Ok(());
    }
    // A key without its section is the common slip.
    let home = fields::sections().iter().find(|home| fields::of_section(home).contains(&section));
    let suggestion = match home {
        Some(home) => Some(format!("{home}.{section}")),
        None => nearest(section, fields::sections()).map(str::to_owned),
    };
    Err(ConfigError::UnknownKey { origin, key: section.to_owned(), suggestion })
}

/// Sets a key from text that has no types: what it means is what the key can have.
fn set_text(
    path: &str,
    text: &str,
    origin: Origin,
    settings: &mut BTreeMap<String, Setting>,
) -> Result<(), ConfigError> {
    let typed = format!("value = {text}").parse::<Table>().ok().and_then(|mut t| t.remove("value"));
    let list = || {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Value::Array(words.map(|word| Value::String(word.to_owned())).collect())
    };
    let plain = set(path, Value::String(text.to_owned()), origin.clone(), settings);
    match plain {
        Err(ConfigError::Value { .. }) => {}
        done => return done,
    }
    let others = [typed, Some(list())];
    for value in others.into_iter().flatten() {
        if set(path, value, origin.clone(), settings).is_ok() {
            return Ok(());
        }
    }
    plain
}

fn set(
    path: &str,
    value: Value,
    origin: Origin,
    settings: &mut BTreeMap<String, Setting>,
) -> Result<(), ConfigError> {
    let (section, key) = path.split_once('.').unwrap_or((path, ""));
    check_section(section, origin.clone())?;
    let keys = fields::of_section(section);
    if !keys.contains(&key) {
        let suggestion = nearest(key, keys).map(|word| format!("{section}.{word}"));
        let elsewhere = || {
            let home = fields::sections().iter().find(|s| fields::of_section(s).contains(&key))?;
            Some(format!("{home}.{key}"))
        };
        let suggestion = suggestion.or_else(elsewhere);
        return Err(ConfigError::UnknownKey { origin, key: path.to_owned(), suggestion });
    }
    let mut alone = Table::new();
    alone.insert(key.to_owned(), value.clone());
    let mut root = Table::new();
    root.insert(section.to_owned(), Value::Table(alone));
    if let Err(error) = root.try_into::<Config>() {
        let message = error.message().trim().to_owned();
        return Err(ConfigError::Value {
            origin,
            key: path.to_owned(),
            value: value.to_string(),
            message,
        });
    }
    settings.insert(path.to_owned(), Setting { value, origin });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("written");
        file
    }

    fn from_file(text: &str) -> (PathBuf, Result<Effective, ConfigError>) {
        let file = file(text);
        let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
        (file.path().to_owned(), sources.load())
    }

    fn variable(name: &str, value: &str) -> Sources {
        Sources { variables: vec![(name.to_owned(), value.to_owned())], ..Sources::default() }
    }

    #[test]
    fn a_flag_beats_a_variable_beats_a_file_beats_the_default() {
        let file = file("[server]\nlog = \"file\"\ndata_dir = \"/file\"\nlisten = \"1.1.1.1:1\"\n");
        let sources = Sources {
            file: Some(file.path().to_owned()),
            variables: vec![
                ("GUILDHALL__SERVER__LOG".to_owned(), "variable".to_owned()),
                ("GUILDHALL__SERVER__DATA_DIR".to_owned(), "/variable".to_owned()),
                ("HOME".to_owned(), "/root".to_owned()),
            ],
            flags: vec![("--log", "server.log", "flag".to_owned())],
        };

        let effective = sources.load().expect("valid");

        assert_eq!(effective.config.server.log, "flag");
        assert_eq!(effective.origin("server.log"), Origin::Flag("--log"));
        assert_eq!(effective.config.server.data_dir, Path::new("/variable"));
        assert_eq!(effective.config.server.listen.to_string(), "1.1.1.1:1");
        assert_eq!(effective.origin("server.listen"), Origin::File(file.path().to_owned(), 4));
        assert_eq!(effective.config.server.log_format, Config::default().server.log_format);
        assert_eq!(effective.origin("server.log_format"), Origin::Default);
    }

    #[test]
    fn a_wrong_value_names_its_file_and_line() {
        let (path, loaded) = from_file("[server]\n\n[media]\nmax_peers = \"many\"\n");

        let error = loaded.expect_err("not a number").to_string();

        assert!(
            error.starts_with(&format!(
                "{}:4: `media.max_peers` cannot be \"many\"",
                path.display()
            )),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_key_names_its_line_and_what_was_meant() {
        let (path, loaded) =
            from_file("# ours\n[server]\nlisten = \"0.0.0.0:1\"\nprivate_lisen = \"\"\n");

        let error = loaded.expect_err("unknown").to_string();

        assert_eq!(
            error,
            format!(
                "{}:4: there is no key `server.private_lisen`; did you mean `server.private_listen`?",
                path.display()
            )
        );
    }

    #[test]
    fn a_key_in_the_wrong_section_is_shown_the_right_one() {
        let (_, loaded) = from_file("[tls]\nmax_peers = 3\n");
        let (_, bare) = from_file("max_peers = 3\n");

        assert!(
            loaded.expect_err("unknown").to_string().ends_with("did you mean `media.max_peers`?")
        );
        assert!(
            bare.expect_err("unknown").to_string().ends_with("did you mean `media.max_peers`?")
        );
    }

    #[test]
    fn broken_toml_names_its_line() {
        let (path, loaded) = from_file("[server]\nlog = \"info\nlisten = 3\n");

        let error = loaded.expect_err("a string without end").to_string();

        assert!(error.starts_with(&format!("{}:2: ", path.display())), "{error}");
    }

    #[test]
    fn variables_take_the_type_of_their_key() {
        let sources = Sources {
            variables: [
                ("GUILDHALL__MEDIA__MAX_PEERS", "12"),
                ("GUILDHALL__SIGNALING__NAME", "12"),
                ("GUILDHALL__SIGNALING__OPEN_REGISTRATION", "true"),
                ("GUILDHALL__SIGNALING__RESUME_WINDOW", "90s"),
                ("GUILDHALL__TLS__EXTRA_NAMES", "voice.example, 10.0.0.7"),
                ("GUILDHALL__SIGNALING__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            ..Sources::default()
        };

        let config = sources.load().expect("valid").config;

        assert_eq!(config.media.max_peers, 12);
        assert_eq!(config.signaling.name, "12");
        assert!(config.signaling.open_registration);
        assert_eq!(config.signaling.resume_window, Duration::from_secs(90));
        assert_eq!(config.tls.extra_names, ["voice.example", "10.0.0.7"]);
        assert_eq!(config.signaling.trusted_proxies, ["10.0.0.0/8"]);
    }

    #[test]
    fn a_wrong_variable_or_flag_is_named() {
        let unknown =
            variable("GUILDHALL__SERVER__LISTENN", "x").load().expect_err("unknown").to_string();
        let value = variable("GUILDHALL__TLS__MODE", "on").load().expect_err("no mode").to_string();
        let flag = Sources {
            flags: vec![("--listen", "server.listen", "8443".to_owned())],
            ..Sources::default()
        };

        assert!(
            unknown.starts_with("variable GUILDHALL__SERVER__LISTENN: there is no key"),
            "{unknown}"
        );
        assert!(unknown.ends_with("did you mean `server.listen`?"), "{unknown}");
        assert!(
            value.starts_with("variable GUILDHALL__TLS__MODE: `tls.mode` cannot be \"on\""),
            "{value}"
        );
        assert!(value.contains("development"), "{value}");
        let flag = flag.load().expect_err("no address").to_string();
        assert!(flag.starts_with("flag --listen: `server.listen` cannot be \"8443\""), "{flag}");
    }

    #[test]
    fn voice_listens_where_the_server_does_unless_told() {
        let follows = variable("GUILDHALL__SERVER__LISTEN", "127.0.0.1:9").load().expect("valid");
        let told = variable("GUILDHALL__MEDIA__LISTEN", "127.0.0.1:7").load().expect("valid");

        assert_eq!(follows.config.media.listen, follows.config.server.listen);
        assert_eq!(follows.origin("media.listen"), Origin::Follows("server.listen"));
        assert_eq!(told.config.media.listen.to_string(), "127.0.0.1:7");
    }

    #[test]
    fn the_description_can_be_read_back() {
        let told = variable("GUILDHALL__MEDIA__MAX_PEERS", "7").load().expect("valid");

        let described = told.describe();

        let read: Config = toml::from_str(&described).expect("TOML");
        assert_eq!(read.media.max_peers, 7);
        assert!(described.contains("# variable GUILDHALL__MEDIA__MAX_PEERS"), "{described}");
    }

    #[test]
    fn a_file_that_was_asked_for_and_is_not_there_is_an_error() {
        let sources =
            Sources { file: Some(PathBuf::from("/nowhere/guildhall.toml")), ..Sources::default() };

        assert!(matches!(sources.load(), Err(ConfigError::Read { .. })));
    }
}
