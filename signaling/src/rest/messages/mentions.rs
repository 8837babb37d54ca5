//! Whom a text notifies: what it names, less what the sender may not or does not want to notify.
//!
//! Pure (Discord: Allowed Mentions Object). Code blocks are no shelter: Discord notifies from
//! them too.

use model::id::RoleId;
use model::id::UserId;
use model::wire::id::Id;
use serde::Deserialize;
use state::Guild;

use crate::rest::error::FormErrors;

/// What may be notified. `null` is as good as absent everywhere.
#[derive(Deserialize, Default, Debug, Clone)]
pub(in crate::rest) struct AllowedMentions {
    /// Kinds of which all are allowed.
    #[serde(default)]
    parse: Option<Vec<String>>,
    /// These roles.
    #[serde(default)]
    roles: Option<Vec<RoleId>>,
    /// These people.
    #[serde(default)]
    users: Option<Vec<UserId>>,
    /// Whoever is answered.
    #[serde(default)]
    replied_user: Option<bool>,
}

impl AllowedMentions {
    /// Tells what contradicts itself or is too long.
    pub(in crate::rest) fn check(&self, errors: &mut FormErrors) {
        let parse = self.parse.as_deref().unwrap_or_default();
        for (number, kind) in parse.iter().enumerate() {
            if !matches!(kind.as_str(), "everyone" | "roles" | "users") {
                errors.push(
                    &format!("allowed_mentions.parse.{number}"),
                    "BASE_TYPE_CHOICES",
                    "Value must be one of ('everyone', 'roles', 'users').",
                );
            }
        }
        let listed = [
            ("users", self.users.as_ref().map_or(0, Vec::len)),
            ("roles", self.roles.as_ref().map_or(0, Vec::len)),
        ];
        for (kind, length) in listed {
            if length > MOST {
                errors.push(
                    &format!("allowed_mentions.{kind}"),
                    "BASE_TYPE_MAX_LENGTH",
                    format!("Must be {MOST} or fewer in length."),
                );
            }
            if length > 0 && parse.iter().any(|parsed| parsed == kind) {
                errors.push(
                    "allowed_mentions",
                    "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                    format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive."),
                );
            }
        }
    }

    fn parses(&self, kind: &str) -> bool {
        self.parse.iter().flatten().any(|parsed| parsed == kind)
    }
}

/// Whether whoever is answered is notified: yes, unless the sender said anything else.
pub(in crate::rest) fn notifies_replied(allowed: Option<&AllowedMentions>) -> bool {
    allowed.is_none_or(|allowed| allowed.replied_user.unwrap_or(false))
}

/// What a text names.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::rest) struct Named {
    /// `<@1>` and `<@!1>`, each once, in order.
    pub users: Vec<UserId>,
    /// `<@&1>`, each once, in order.
    pub roles: Vec<RoleId>,
    /// `@everyone` or `@here`.
    pub everyone: bool,
}

/// Most people or roles that one message notifies; more would be a storm.
const MOST: usize = 100;

impl Named {
    /// Finds the mentions of a text.
    pub(in crate::rest) fn of(content: &str) -> Self {
        let mut named = Self {
            everyone: content.contains("@everyone") || content.contains("@here"),
            ..Self::default()
        };
        for piece in content.split("<@").skip(1) {
            let Some((inside, _)) = piece.split_once('>') else { continue };
            if let Some(role) = inside.strip_prefix('&') {
                push(&mut named.roles, role);
            } else {
                push(&mut named.users, inside.strip_prefix('!').unwrap_or(inside));
            }
        }
        named
    }

    /// Leaves only what the sender wants to notify; everything when they did not say.
    pub(in crate::rest) fn wanted(mut self, allowed: Option<&AllowedMentions>) -> Self {
        let Some(allowed) = allowed else { return self };
        let all = allowed.parses("users");
        self.users.retain(|user| all || allowed.users.iter().flatten().any(|one| one == user));
        let all = allowed.parses("roles");
        self.roles.retain(|role| all || allowed.roles.iter().flatten().any(|one| one == role));
        self.everyone &= allowed.parses("everyone");
        self
    }

    /// Leaves only what the sender may notify: roles of `guild` that are mentionable, and with
    /// `everyone` (MENTION_EVERYONE) all of them and everyone. Private channels have neither.
    pub(in crate::rest) fn permitted(mut self, guild: Option<&Guild>, everyone: bool) -> Self {
        self.roles.retain(|id| {
            let role = guild.and_then(|guild| guild.roles.get(id));
            // The role of everyone is not mentioned by its id (Discord shows it as text).
            role.is_some_and(|role| {
                guild.is_some_and(|guild| guild.id.get() != id.get())
                    && (everyone || role.mentionable)
            })
        });
        self.everyone &= everyone && guild.is_some();
        self
    }
}

fn push<T>(list: &mut Vec<Id<T>>, digits: &str) {
    if digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Some(id) = digits.parse().ok().and_then(Id::new_checked)
        && list.len() < MOST
        && !list.contains(&id)
    {
        list.push(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<T>(list: &[Id<T>]) -> Vec<u64> {
        list.iter().map(|id| id.get()).collect()
    }

    fn allowed(json: &str) -> AllowedMentions {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_text_names_people_roles_and_everyone() {
        let named = Named::of("<@1> <@!2> <@1> <@&7> `<@5>` @here <@x> <@0> <@ 3> <@+6> <@4");

        assert_eq!(ids(&named.users), [1, 2, 5]);
        assert_eq!(ids(&named.roles), [7]);
        assert!(named.everyone);
        assert_eq!(Named::of("mail@everyon e <@> <@&> <@!> <@&!3>"), Named::default());
    }

    #[test]
    fn a_storm_of_mentions_is_cut() {
        let text: String = (1..=500).map(|n| format!("<@{n}>")).collect();

        assert_eq!(Named::of(&text).users.len(), MOST);
    }

    #[test]
    fn allowed_mentions_take_away_and_never_add() {
        let named = Named::of("<@1> <@2> <@&7> <@&8> @everyone");
        // What was allowed, then the people, the roles and whether everyone that are left.
        let matrix: [(&str, &[u64], &[u64], bool); 9] = [
            (r#"{}"#, &[], &[], false),
            (r#"{"parse":[]}"#, &[], &[], false),
            (r#"{"parse":null,"users":null,"roles":null}"#, &[], &[], false),
            (r#"{"parse":["users"]}"#, &[1, 2], &[], false),
            (r#"{"parse":["roles"]}"#, &[], &[7, 8], false),
            (r#"{"parse":["everyone"]}"#, &[], &[], true),
            (r#"{"users":["2","9"]}"#, &[2], &[], false),
            (r#"{"roles":[7]}"#, &[], &[7], false),
            (r#"{"parse":["users","everyone"],"roles":["8"]}"#, &[1, 2], &[8], true),
        ];

        for (json, users, roles, everyone) in matrix {
            let left = named.clone().wanted(Some(&allowed(json)));
            assert_eq!(
                (ids(&left.users), ids(&left.roles)),
                (users.to_vec(), roles.to_vec()),
                "{json}"
            );
            assert_eq!(left.everyone, everyone, "{json}");
        }
        assert_eq!(named.clone().wanted(None), named);
    }

    #[test]
    fn whoever_is_answered_is_notified_unless_the_sender_said_anything_else() {
        assert!(notifies_replied(None));
        assert!(!notifies_replied(Some(&allowed("{}"))));
        assert!(!notifies_replied(Some(&allowed(r#"{"parse":["users"]}"#))));
        assert!(notifies_replied(Some(&allowed(r#"{"parse":[],"replied_user":true}"#))));
    }

    #[test]
    fn private_channels_have_no_roles_and_no_everyone() {
        let named = Named::of("<@1> <@&7> @everyone").permitted(None, true);

        assert_eq!(ids(&named.users), [1]);
        assert!(named.roles.is_empty() && !named.everyone);
    }

    #[test]
    fn contradictions_are_told() {
        for json in [
            r#"{"parse":["users"],"users":["1"]}"#,
            r#"{"parse":["roles"],"roles":["1"]}"#,
            r#"{"parse":["all"]}"#,
        ] {
            let mut errors = FormErrors::default();
            allowed(json).check(&mut errors);
            assert!(!errors.is_empty(), "{json}");
        }
        for json in [r#"{"parse":["users"],"users":[]}"#, r#"{"parse":["users"],"roles":["1"]}"#] {
            let mut errors = FormErrors::default();
            allowed(json).check(&mut errors);
            assert!(errors.is_empty(), "{json}");
        }
    }
}
