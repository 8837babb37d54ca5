//! How often which route may be asked: Discord's habits, as a table. Pure.

use axum::http::Method;

/// So many requests in so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests in a window.
    pub requests: u32,
    /// Length of the window in milliseconds.
    pub window_ms: u64,
}

/// What a request is counted under, and how many of its kind there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// The routes that are counted together; clients see it as `X-RateLimit-Bucket`.
    pub bucket: &'static str,
    /// How many.
    pub rate: Rate,
    /// The channel, guild or webhook that is counted apart (Discord: Rate Limits, "top-level
    /// resources"); 0 when the route has none.
    pub major: u64,
    /// Whether answers tell what is left. Discord's do not where a bot answers an interaction and where
    /// tokens are handed out; hikari reports headers there as an error.
    pub told: bool,
}

/// Logins of one account by one address: fewer locks out people who mistype, more lets a
/// password be guessed.
pub const LOGINS: Rate = Rate { requests: 10, window_ms: 60_000 };

/// The class of a request. `path` may have any of the API's prefixes.
#[must_use]
pub fn class(method: &Method, path: &str) -> Class {
    let mut parts = without_prefix(path).split('/').filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    let second = parts.next().unwrap_or_default();
    let third = parts.next().unwrap_or_default();
    let fourth = parts.next().unwrap_or_default();
    let fifth = parts.next().unwrap_or_default();
    let (bucket, requests, window_ms) = match (first, third, method.as_str()) {
        // Hashing a password is dear, and guessing one is to be dearer.
        ("auth", _, _) if second == "login" => ("login", 30, 60_000),
        ("auth", _, _) if second == "register" => ("register", 30, 60_000),
        ("channels", "messages", _) if fifth == "reactions" => match method.as_str() {
            "GET" => ("reaction-read", 20, 5_000),
            _ => ("reaction", 1, 250),
        },
        ("channels", "messages", "POST") if fourth == "bulk-delete" => ("bulk-delete", 1, 1_000),
        ("channels", "messages", "POST") if !fourth.is_empty() => ("message-ack", 20, 5_000),
        ("channels", "messages", "POST") => ("message-create", 5, 5_000),
        ("channels", "messages", "PATCH") => ("message-edit", 5, 5_000),
        ("channels", "messages", "DELETE") => ("message-delete", 5, 1_000),
        ("channels" | "guilds", "messages", "GET") if fourth == "search" => ("search", 5, 5_000),
        ("channels", "messages", _) => ("message-read", 20, 5_000),
        ("channels", "typing", _) => ("typing", 5, 5_000),
        ("channels", "invites", "POST") => ("invite-create", 5, 10_000),
        // Each ring makes somebody's client sound.
        ("channels", "call", "POST") if fourth == "ring" => ("call-ring", 5, 10_000),
        ("channels", _, "GET") => ("channel-read", 20, 5_000),
        ("channels", _, _) => ("channel-write", 10, 10_000),
        ("guilds", _, "POST") if second == "templates" => ("guild-create", 10, 600_000),
        ("guilds", "", "POST") => ("guild-create", 10, 600_000),
        ("guilds", "members", "GET") => ("member-read", 10, 5_000),
        ("guilds", "members", _) => ("member-write", 10, 10_000),
        ("guilds", "requests", "GET") => ("join-request-read", 10, 5_000),
        ("guilds", "requests", _) => ("join-request-write", 10, 10_000),
        ("guilds", _, "GET") => ("guild-read", 20, 5_000),
        ("guilds", _, _) => ("guild-write", 20, 10_000),
        ("invites", _, _) => ("invite", 20, 10_000),
        // By token, which is the major parameter too; bots of one machine share its address.
        ("webhooks", token, _) if !token.is_empty() => {
            let (bucket, requests, window_ms) = match (fourth, method.as_str()) {
                ("messages", "GET") => ("webhook-message-read", 20, 5_000),
                ("messages", _) => ("webhook-message-write", 5, 2_000),
                (_, "POST") => ("webhook-execute", 5, 2_000),
                _ => ("webhook-token", 10, 10_000),
            };
            return by_token(bucket, requests, window_ms, second, token);
        }
        ("webhooks", _, "GET") => ("webhook-read", 20, 5_000),
        ("webhooks", _, _) => ("webhook-write", 10, 10_000),
        ("interactions", token, _) if !token.is_empty() => {
            return by_token("interaction-answer", 10, 10_000, second, token);
        }
        ("interactions", _, _) => ("interaction-create", 10, 5_000),
        ("applications", "commands", "GET") => ("command-read", 20, 5_000),
        ("applications", "commands", _) => ("command-write", 10, 10_000),
        ("applications", "guilds", "GET") => ("guild-command-read", 20, 5_000),
        ("applications", "guilds", _) => ("guild-command-write", 10, 10_000),
        // A server exchanges the codes of all its users from one address.
        ("oauth2", _, "POST") if second == "token" => ("oauth-token", 120, 60_000),
        ("oauth2", _, "POST") if second == "authorize" => ("oauth-authorize", 20, 60_000),
        ("applications", "", "POST") if second.is_empty() => ("application-create", 10, 600_000),
        ("users", "channels", "POST") => ("private-create", 10, 10_000),
        ("users", "relationships", "POST" | "PUT") => ("relationship", 30, 60_000),
        ("users", _, "GET") => ("user-read", 20, 5_000),
        ("users", _, _) => ("user-write", 10, 10_000),
        // A session costs a handshake; a client that trickles sends each candidate by itself.
        ("whip" | "whep", "", _) => ("stream-begin", 10, 10_000),
        ("whip" | "whep", _, _) => ("stream", 60, 10_000),
        _ => ("other", 30, 5_000),
    };
    let major = match first {
        "channels" | "guilds" | "webhooks" => second.parse().unwrap_or_default(),
        _ => 0,
    };
    let told = bucket != "oauth-token";
    Class { bucket, rate: Rate { requests, window_ms }, major, told }
}

/// The class of routes that a token opens: each token is counted apart (Discord: Rate Limits, "webhook_id
/// + webhook_token").
fn by_token(bucket: &'static str, requests: u32, window_ms: u64, id: &str, token: &str) -> Class {
    let hash = crate::auth::token::hash(&format!("{id} {token}"));
    let major = u64::from_be_bytes(std::array::from_fn(|at| hash[at]));
    let told = bucket != "interaction-answer";
    Class { bucket, rate: Rate { requests, window_ms }, major, told }
}

/// The path without `/api`, `/api/v9` and `/api/v10`.
fn without_prefix(path: &str) -> &str {
    let path = path.strip_prefix("/api").unwrap_or(path);
    ["/v10/", "/v9/"].iter().find_map(|version| path.strip_prefix(version)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_leads_into_the_same_bucket() {
        for prefix in ["/api/v10", "/api/v9", "/api", ""] {
            let class = class(&Method::POST, &format!("{prefix}/channels/77/messages"));

            assert_eq!((class.bucket, class.major), ("message-create", 77), "{prefix}");
            assert_eq!(class.rate, Rate { requests: 5, window_ms: 5_000 });
        }
    }

    #[test]
    fn reactions_are_counted_apart_from_the_messages_they_are_on() {
        let path = "/api/v10/channels/77/messages/5/reactions/%F0%9F%8D%BA/@me";

        let class = class(&Method::PUT, path);

        assert_eq!((class.bucket, class.rate), ("reaction", Rate { requests: 1, window_ms: 250 }));
    }

    #[test]
    fn tokens_are_counted_apart() {
        let major = |path: &str| class(&Method::POST, path).major;

        assert_ne!(major("/webhooks/9/a"), major("/webhooks/9/b"));
        assert_eq!(major("/webhooks/9/a"), major("/webhooks/9/a/messages/5"));
        assert_eq!(major("/webhooks/9"), 9);
        assert_ne!(major("/interactions/9/a/callback"), major("/interactions/8/a/callback"));
    }

    #[test]
    fn what_is_left_is_told_but_where_interactions_are_answered_and_tokens_handed_out() {
        let told = |path: &str| class(&Method::POST, path).told;

        assert!(!told("/api/v10/interactions/9/a/callback"));
        assert!(!told("/api/v10/oauth2/token"));
        assert!(!told("/api/v10/oauth2/token/revoke"));
        assert!(told("/api/v10/interactions"));
        assert!(told("/api/v10/webhooks/9/a"));
        assert!(told("/api/v10/oauth2/authorize"));
    }

    #[test]
    fn only_channels_guilds_and_webhooks_are_counted_apart() {
        assert_eq!(class(&Method::GET, "/api/v10/guilds/9/roles").major, 9);
        assert_eq!(class(&Method::GET, "/api/v10/users/9").major, 0);
        assert_eq!(class(&Method::GET, "/api/v10/guilds/nonsense").major, 0);
        assert_eq!(class(&Method::GET, "").bucket, "other");
    }
}
