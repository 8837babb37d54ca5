//! Scopes: what an application may be allowed (Discord: OAuth2 Scopes). Pure.

/// One thing that an application may be allowed. Scopes that Discord knows and this server does not
/// honour are none: whoever asks for one is told, rather than given what does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Who someone is.
    Identify,
    /// Their e-mail address, of which this server has none.
    Email,
    /// Accounts of theirs elsewhere, of which this server has none.
    Connections,
    /// Which guilds they are in.
    Guilds,
    /// Bring them into guilds of its bot.
    GuildsJoin,
    /// What they are in a guild.
    GuildsMembersRead,
    /// Who someone is, as OpenID Connect says it.
    OpenId,
    /// Say what it knows of them, for roles that ask for it.
    RoleConnectionsWrite,
    /// Its bot, in a guild.
    Bot,
    /// Its commands, in a guild.
    Commands,
    /// Change its commands; of client credentials only.
    CommandsUpdate,
    /// Change who may use its commands in a guild.
    CommandPermissionsUpdate,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Identify,
        Self::Email,
        Self::Connections,
        Self::Guilds,
        Self::GuildsJoin,
        Self::GuildsMembersRead,
        Self::OpenId,
        Self::RoleConnectionsWrite,
        Self::Bot,
        Self::Commands,
        Self::CommandsUpdate,
        Self::CommandPermissionsUpdate,
    ];

    /// Discord's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Email => "email",
            Self::Connections => "connections",
            Self::Guilds => "guilds",
            Self::GuildsJoin => "guilds.join",
            Self::GuildsMembersRead => "guilds.members.read",
            Self::OpenId => "openid",
            Self::RoleConnectionsWrite => "role_connections.write",
            Self::Bot => "bot",
            Self::Commands => "applications.commands",
            Self::CommandsUpdate => "applications.commands.update",
            Self::CommandPermissionsUpdate => "applications.commands.permissions.update",
        }
    }

    /// Whether it puts something into a guild, which is to be allowed each time anew.
    #[must_use]
    pub const fn installs(self) -> bool {
        matches!(self, Self::Bot | Self::Commands)
    }

    /// Whether an application may have it of its owner without asking.
    #[must_use]
    pub const fn of_client(self) -> bool {
        !self.installs()
    }

    /// Whether a person may be asked for it.
    #[must_use]
    pub const fn of_person(self) -> bool {
        !matches!(self, Self::CommandsUpdate)
    }

    /// The scopes of a list of words with spaces between (RFC 6749 §3.3), each once and in our order.
    ///
    /// # Errors
    ///
    /// The first word that is none.
    pub fn parse(text: &str) -> Result<Vec<Self>, String> {
        let mut scopes = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let known = Self::ALL.into_iter().find(|scope| scope.name() == word);
            scopes.push(known.ok_or_else(|| word.chars().take(64).collect::<String>())?);
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(scopes)
    }

    /// As they are kept and shown.
    #[must_use]
    pub fn names(scopes: &[Self]) -> Vec<String> {
        scopes.iter().map(|scope| scope.name().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_words_between_spaces_each_once() {
        let parsed = Scope::parse("guilds  identify guilds").unwrap();

        assert_eq!(parsed, [Scope::Identify, Scope::Guilds]);
        assert_eq!(Scope::parse("").unwrap(), []);
        assert_eq!(Scope::parse("identify rpc"), Err("rpc".to_owned()));
        assert_eq!(Scope::parse("Identify"), Err("Identify".to_owned()));
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.name()).unwrap(), [scope]);
        }
    }
}
