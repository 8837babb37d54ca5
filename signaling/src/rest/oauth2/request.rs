//! An authorization request: what an application asks for, and where the answer may go. Pure.

use model::id::ApplicationId;
use model::id::GuildId;
use model::limits;
use model::permissions;
use model::wire::guild::Permissions;
use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use state::record::ApplicationRecord;

use crate::auth::Scope;
use crate::rest::error::FormErrors;

/// The parameters of a query or a form, each at most once (RFC 6749 §3.1).
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

/// A parameter came twice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Twice(pub(super) String);

impl Parameters {
    /// Those without a value are as if they were not there (RFC 6749 §3.1).
    pub(super) fn new(mut pairs: Vec<(String, String)>) -> Result<Self, Twice> {
        pairs.retain(|(_, value)| !value.is_empty());
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(other, _)| other == name) {
                return Err(Twice(name.clone()));
            }
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

/// Where the answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirect {
    /// One that the application registered.
    pub uri: String,
    /// Whether the request named it: then whoever exchanges the code must too.
    pub named: bool,
    /// Comes back as it was.
    pub state: Option<String>,
}

impl Redirect {
    /// The URI with an answer in its query, which keeps what it had (RFC 6749 §3.1.2).
    pub(super) fn with(&self, answer: &[(&str, &str)]) -> String {
        let mut location = self.uri.clone();
        let state = self.state.as_deref().map(|state| ("state", state));
        for (name, value) in answer.iter().copied().chain(state) {
            location.push(if location.contains('?') { '&' } else { '?' });
            location.push_str(name);
            location.push('=');
            location.extend(utf8_percent_encode(value, RESERVED));
        }
        location
    }
}

/// A request that a person may be asked about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Where the answer goes; a bot alone needs no answer.
    pub redirect: Option<Redirect>,
    /// What is asked for; never empty.
    pub scopes: Vec<Scope>,
    /// See [`GrantRecord::challenge`](state::oauth::GrantRecord::challenge).
    pub challenge: Option<String>,
    /// What the bot asks for in the guild.
    pub permissions: Permissions,
    /// The guild that is proposed.
    pub guild: Option<GuildId>,
    /// Whether the person is asked again for what they allowed before.
    pub prompts: bool,
}

/// Why a person is not asked.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What is wrong, by parameter.
    pub errors: FormErrors,
    /// Where the application hears of it, once it is known to be its own address (RFC 6749
    /// §4.1.2.1).
    pub location: Option<String>,
}

impl Refusal {
    fn untold(parameter: &str, message: &str) -> Self {
        let errors = FormErrors::one(parameter, "OAUTH2_INVALID_PARAMETER", message);
        Self { errors, location: None }
    }
}

/// The client that a request names.
pub(super) fn client(asked: &Parameters) -> Result<ApplicationId, Refusal> {
    let id = asked.get("client_id").and_then(|id| id.parse().ok());
    id.ok_or_else(|| Refusal::untold("client_id", "This is not the number of an application."))
}

impl Request {
    /// Reads a request to `application`.
    pub(super) fn read(
        asked: &Parameters,
        application: &ApplicationRecord,
    ) -> Result<Self, Refusal> {
        let scopes = Scope::parse(asked.get("scope").unwrap_or_default());
        // A bot alone is the one flow without an answer (Discord: Bot Authorization Flow).
        let answers = asked.get("response_type").is_some()
            || asked.get("redirect_uri").is_some()
            || scopes.as_ref().map_or(true, |scopes| !scopes.iter().all(|one| one.installs()));
        let redirect = if answers { Some(redirect(asked, application)?) } else { None };
        let refuse = |parameter: &str, error: &str, message: &str| {
            let told = [("error", error), ("error_description", message)];
            Refusal {
                errors: FormErrors::one(parameter, "OAUTH2_INVALID_PARAMETER", message),
                location: redirect.as_ref().map(|redirect| redirect.with(&told)),
            }
        };
        let scopes = scopes.map_err(|word| {
            refuse("scope", "invalid_scope", &format!("There is no scope {word} here."))
        })?;
        let installs = |scope: &Scope| scope.installs();
        if scopes.is_empty() {
            return Err(refuse("scope", "invalid_scope", "Nothing is asked for."));
        }
        if let Some(scope) = scopes.iter().find(|scope| !scope.of_person()) {
            let message = format!("{} is for client credentials alone.", scope.name());
            return Err(refuse("scope", "invalid_scope", &message));
        }
        // Commands here are those of a bot in the guild.
        if scopes.contains(&Scope::Commands) && !scopes.contains(&Scope::Bot) {
            let message = "applications.commands comes with bot.";
            return Err(refuse("scope", "invalid_scope", message));
        }
        match asked.get("response_type") {
            Some("code") => {}
            None if !answers && !application.require_code_grant => {}
            None => {
                let message = "response_type must be code.";
                return Err(refuse("response_type", "invalid_request", message));
            }
            // Tokens in addresses leak: RFC 9700 §2.1.2.
            Some(_) => {
                let message = "Only the response type code is supported.";
                return Err(refuse("response_type", "unsupported_response_type", message));
            }
        }
        let challenge = challenge(asked)
            .map_err(|message| refuse("code_challenge", "invalid_request", message))?;
        if answers && challenge.is_none() && application.flags & PUBLIC_CLIENT != 0 {
            let message = "A public client needs a code_challenge.";
            return Err(refuse("code_challenge", "invalid_request", message));
        }
        let permissions = match asked.get("permissions").map(str::parse) {
            None => Permissions::empty(),
            Some(Ok(bits)) => permissions::among(bits),
            Some(Err(_)) => {
                let message = "Permissions are a whole number.";
                return Err(refuse("permissions", "invalid_request", message));
            }
        };
        // 1 is the account of the person, into which nothing can be installed here.
        if asked.get("integration_type").is_some_and(|kind| kind != "0") {
            let message = "Applications are installed into guilds only.";
            return Err(refuse("integration_type", "invalid_request", message));
        }
        let guild = asked.get("guild_id").and_then(|guild| guild.parse().ok());
        let prompts = asked.get("prompt") != Some("none") || scopes.iter().any(installs);
        Ok(Self { redirect, scopes, challenge, permissions, guild, prompts })
    }
}

/// Where the answer goes: what was registered, letter by letter (RFC 9700 §2.1).
fn redirect(asked: &Parameters, application: &ApplicationRecord) -> Result<Redirect, Refusal> {
    let state = asked.get("state").map(str::to_owned);
    if state.as_ref().is_some_and(|state| state.len() > limits::OAUTH_STATE) {
        return Err(Refusal::untold("state", "The state is too long."));
    }
    let named = asked.get("redirect_uri");
    let registered = &application.redirect_uris;
    let uri = match named {
        Some(named) => registered.iter().find(|uri| *uri == named),
        None => registered.first(),
    };
    match uri {
        Some(uri) => Ok(Redirect { uri: uri.clone(), named: named.is_some(), state }),
        None if named.is_some() => {
            Err(Refusal::untold("redirect_uri", "The application has not registered this address."))
        }
        None => Err(Refusal::untold("redirect_uri", "The application has registered no address.")),
    }
}

/// The challenge, by SHA-256: `plain` protects from nobody who sees the request (RFC 9700 §2.1.1).
fn challenge(asked: &Parameters) -> Result<Option<String>, &'static str> {
    let method = asked.get("code_challenge_method");
    let Some(challenge) = asked.get("code_challenge") else {
        return if method.is_none() { Ok(None) } else { Err("A code_challenge is missing.") };
    };
    if method != Some("S256") {
        return Err("The code_challenge_method must be S256.");
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !limits::CODE_VERIFIER.contains(&challenge.len()) || !challenge.bytes().all(fits) {
        return Err("The code_challenge is none.");
    }
    Ok(Some(challenge.to_owned()))
}

/// PUBLIC_OAUTH2_CLIENT: an application that can keep no secret.
pub(in crate::rest) const PUBLIC_CLIENT: u64 = 1 << 16;

/// An address that a browser may be sent to with a code; what is wrong with it, else.
pub(in crate::rest) fn redirect_uri_fault(uri: &str) -> Option<&'static str> {
    if uri.len() > limits::URL {
        return Some("Must be 2048 or fewer in length.");
    }
    // What one reader takes for a blank or a slash, another one does not.
    if uri.chars().any(|letter| letter.is_control() || letter.is_whitespace() || letter == '\\') {
        return Some("Must have no blanks and no backslashes.");
    }
    let Ok(url) = reqwest::Url::parse(uri) else { return Some("Not a well formed URL.") };
    if uri.contains('#') {
        return Some("Must have no fragment.");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("Must have no user and no password.");
    }
    FORBIDDEN.contains(&url.scheme()).then_some("Scheme is not allowed.")
}

/// All but the unreserved characters (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Addresses that a browser runs, or reads from itself.
const FORBIDDEN: [&str; 9] =
    ["about", "blob", "data", "file", "filesystem", "ftp", "javascript", "vbscript", "view-source"];

#[cfg(test)]
mod tests {
    use super::*;

    fn application() -> ApplicationRecord {
        let mut application =
            ApplicationRecord::new(ApplicationId::new(7), "Dicer".to_owned(), None, 0);
        application.redirect_uris =
            ["https://a.example/back?x=1", "https://b.example/"].map(str::to_owned).into();
        application
    }

    fn read_by(
        application: &ApplicationRecord,
        query: &[(&str, &str)],
    ) -> Result<Request, Refusal> {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request::read(&Parameters::new(pairs.collect()).unwrap(), application)
    }

    fn read(query: &[(&str, &str)]) -> Result<Request, Refusal> {
        read_by(&application(), query)
    }

    const CODE: (&str, &str) = ("response_type", "code");
    const IDENTIFY: (&str, &str) = ("scope", "identify");
    const B: (&str, &str) = ("redirect_uri", "https://b.example/");
    const STATE: (&str, &str) = ("state", "a b&c");

    #[test]
    fn an_answer_goes_to_a_registered_address_letter_by_letter() {
        let redirect = read(&[CODE, IDENTIFY, B, STATE]).unwrap().redirect.unwrap();
        assert_eq!(redirect.with(&[("code", "x")]), "https://b.example/?code=x&state=a%20b%26c");

        let first = read(&[CODE, IDENTIFY]).unwrap().redirect.unwrap();
        assert_eq!(first.with(&[("code", "x")]), "https://a.example/back?x=1&code=x");
        assert!(!first.named);

        for other in
            ["https://b.example", "https://B.example/", "https://b.example/?", "http://b.example/"]
        {
            let refusal = read(&[CODE, IDENTIFY, ("redirect_uri", other)]).unwrap_err();
            assert_eq!(refusal.location, None, "{other}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_to_the_application_once_its_address_is_known() {
        let cases: [(&[(&str, &str)], &str); 8] = [
            (&[CODE, B, STATE], "invalid_scope"),
            (&[CODE, B, STATE, ("scope", "identify rpc")], "invalid_scope"),
            (&[CODE, B, STATE, ("scope", "applications.commands.update")], "invalid_scope"),
            (&[CODE, B, STATE, ("scope", "applications.commands")], "invalid_scope"),
            (&[("response_type", "token"), B, STATE, IDENTIFY], "unsupported_response_type"),
            (&[B, STATE, IDENTIFY], "invalid_request"),
            (&[CODE, B, STATE, IDENTIFY, ("code_challenge_method", "S256")], "invalid_request"),
            (
                &[
                    CODE,
                    B,
                    STATE,
                    IDENTIFY,
                    ("code_challenge_method", "plain"),
                    ("code_challenge", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                ],
                "invalid_request",
            ),
        ];
        for (query, error) in cases {
            let location = read(query).unwrap_err().location.expect("the address is known");
            let begins = format!("https://b.example/?error={error}&");
            assert!(location.starts_with(&begins), "{query:?}: {location}");
            assert!(location.ends_with("&state=a%20b%26c"), "{location}");
        }
    }

    #[test]
    fn a_bot_alone_needs_no_address_and_with_others_it_does() {
        let mut application = application();
        application.redirect_uris.clear();
        let bot = ("scope", "bot applications.commands");
        let asked = [bot, ("permissions", "3072"), ("guild_id", "5")];

        let request = read_by(&application, &asked).unwrap();
        assert_eq!(request.redirect, None);
        assert_eq!(request.permissions, Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES);
        assert_eq!(request.guild, Some(GuildId::new(5)));
        assert!(read_by(&application, &[("scope", "bot identify")]).is_err());
        application.require_code_grant = true;
        assert!(read_by(&application, &asked).is_err());
    }

    #[test]
    fn a_public_client_needs_a_challenge() {
        let mut application = application();
        application.flags = PUBLIC_CLIENT;
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

        assert!(read_by(&application, &[CODE, IDENTIFY]).is_err());
        let with =
            [CODE, IDENTIFY, ("code_challenge", challenge), ("code_challenge_method", "S256")];
        let request = read_by(&application, &with).unwrap();
        assert_eq!(request.challenge.as_deref(), Some(challenge));
    }

    #[test]
    fn a_parameter_comes_once() {
        let pairs = |list: &[(&str, &str)]| {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };

        let twice = Parameters::new(pairs(&[("scope", "a"), ("state", "b"), ("scope", "c")]));
        assert_eq!(twice.unwrap_err(), Twice("scope".to_owned()));
        let empty = Parameters::new(pairs(&[("scope", ""), ("scope", "c")])).unwrap();
        assert_eq!(empty.get("scope"), Some("c"));
    }

    #[test]
    fn addresses_that_a_browser_would_run_are_refused() {
        for good in [
            "https://a.example/b?c=d",
            "http://127.0.0.1:8080/",
            "http://localhost:3000/callback",
            "com.example.app:/oauth",
        ] {
            assert_eq!(redirect_uri_fault(good), None, "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "https://a.example/#b",
            "https://user@a.example/",
            "https://a.example\\@b.example/",
            " https://a.example/",
            "java\nscript:alert(1)",
            "/relative",
            "",
        ] {
            assert!(redirect_uri_fault(bad).is_some(), "{bad}");
        }
    }
}
