//! Whom a text notifies: what it names, less what the sender may not or does not want to notify.
//!
//! Pure (Discord: Allowed Mentions Object).

use model::id::RoleId;
use model::id::UserId;
use model::wire::id::Id;

use super::draft::AllowedMentions;

/// What a text names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// `<@1>` and `<@!1>`, each once, in order.
    pub users: Vec<UserId>,
    /// `<@&1>`, each once, in order.
    pub roles: Vec<RoleId>,
    /// `@everyone` or `@here`.
    pub everyone: bool,
}

/// Most people or roles that one message notifies; more would be a storm.
const MOST: usize = 100;

/// Finds the mentions of a text.
pub(super) fn named(content: &str) -> Named {
    let mut named = Named {
        everyone: content.contains("@everyone") || content.contains("@here"),
        ..Named::default()
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

fn push<T>(list: &mut Vec<Id<T>>, digits: &str) {
    if let Some(id) = digits.parse().ok().and_then(Id::new_checked)
        && list.len() < MOST
        && !list.contains(&id)
    {
        list.push(id);
    }
}

/// Takes out what `allowed` does not allow. Without it everything is, as Discord does.
pub(super) fn restrict(named: Named, allowed: Option<&AllowedMentions>) -> Named {
    let Some(allowed) = allowed else { return named };
    let kind = |kind: &str| {
        allowed.parse.as_ref().is_some_and(|parse| parse.iter().any(|one| one == kind))
    };
    let (all_users, all_roles) = (kind("users"), kind("roles"));
    let listed_users = allowed.users.as_deref().unwrap_or_default();
    let listed_roles = allowed.roles.as_deref().unwrap_or_default();
    Named {
        everyone: named.everyone && kind("everyone"),
        users: named
            .users
            .into_iter()
            .filter(|user| all_users || listed_users.contains(user))
            .collect(),
        roles: named
            .roles
            .into_iter()
            .filter(|role| all_roles || listed_roles.contains(role))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &[UserId]) -> Vec<u64> {
        list.iter().map(|id| id.get()).collect()
    }

    #[test]
    fn a_text_names_people_roles_and_everyone() {
        let named = named("<@1> <@!2> <@1> <@&7> @here <@x> <@0> <@ 3> <@4");

        assert_eq!(ids(&named.users), [1, 2]);
        assert_eq!(named.roles, [RoleId::new(7)]);
        assert!(named.everyone);
    }

    #[test]
    fn allowed_mentions_take_away_and_never_add() {
        let text = "<@1> <@2> <@&7> @everyone";
        let with = |json: &str| {
            let allowed: AllowedMentions = serde_json::from_str(json).unwrap();
            restrict(named(text), Some(&allowed))
        };

        assert_eq!(with(r#"{"parse":[]}"#), Named::default());
        assert_eq!(ids(&with(r#"{"parse":["users"]}"#).users), [1, 2]);
        assert_eq!(ids(&with(r#"{"users":["2","9"]}"#).users), [2]);
        assert!(with(r#"{"parse":["everyone"]}"#).everyone);
        assert_eq!(restrict(named(text), None), named(text));
    }
}
