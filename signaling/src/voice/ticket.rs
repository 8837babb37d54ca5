//! Tickets: the tokens of VOICE_SERVER_UPDATE. Each serves one place in one channel, once. Pure.

use std::collections::HashMap;
use std::time::Duration;
use std::time::Instant;

use model::id::ChannelId;
use model::id::GuildId;
use model::id::UserId;

/// How long a client may take from the ticket to its Identify.
pub(super) const LIFETIME: Duration = Duration::from_secs(60);

/// A place that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub guild: GuildId,
    pub channel: ChannelId,
    pub user: UserId,
    /// The gateway session that asked.
    pub session: String,
    pub made: Instant,
}

/// The tickets that were not used yet; at most one for a member of a guild.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    by_token: HashMap<String, Ticket>,
}

impl Tickets {
    /// Gives out a ticket; an earlier one of the same member is void.
    pub(super) fn give(&mut self, token: String, ticket: Ticket) {
        self.void(ticket.guild, ticket.user);
        self.by_token.insert(token, ticket);
    }

    /// Takes a ticket in, if it is for that user, guild and session and still good.
    pub(super) fn redeem(
        &mut self,
        token: &str,
        guild: u64,
        user: u64,
        session: &str,
        now: Instant,
    ) -> Option<Ticket> {
        let ticket = self.by_token.get(token)?;
        let right = ticket.guild.get() == guild
            && ticket.user.get() == user
            && ticket.session == session
            && now < ticket.made + LIFETIME;
        if right { self.by_token.remove(token) } else { None }
    }

    /// Whether a member holds a ticket.
    pub(super) fn holds(&self, guild: GuildId, user: UserId) -> bool {
        self.by_token.values().any(|ticket| ticket.guild == guild && ticket.user == user)
    }

    /// Makes a member's ticket void.
    pub(super) fn void(&mut self, guild: GuildId, user: UserId) {
        self.by_token.retain(|_, ticket| ticket.guild != guild || ticket.user != user);
    }

    /// Takes out those that were never used.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Ticket> {
        let dead: Vec<_> = self
            .by_token
            .iter()
            .filter(|(_, ticket)| now >= ticket.made + LIFETIME)
            .map(|(token, _)| token.clone())
            .collect();
        dead.iter().filter_map(|token| self.by_token.remove(token)).collect()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a virtual clock begins at some instant")]
mod tests {
    use super::*;

    fn ticket(user: u64, made: Instant) -> Ticket {
        Ticket {
            guild: GuildId::new(1),
            channel: ChannelId::new(2),
            user: UserId::new(user),
            session: "s".to_owned(),
            made,
        }
    }

    #[test]
    fn a_ticket_is_good_once_for_its_holder() {
        let now = Instant::now();
        let mut tickets = Tickets::default();
        tickets.give("t".to_owned(), ticket(3, now));

        assert_eq!(tickets.redeem("t", 1, 4, "s", now), None);
        assert_eq!(tickets.redeem("t", 2, 3, "s", now), None);
        assert_eq!(tickets.redeem("t", 1, 3, "other", now), None);
        assert!(tickets.redeem("t", 1, 3, "s", now).is_some());
        assert_eq!(tickets.redeem("t", 1, 3, "s", now), None);
    }

    #[test]
    fn a_ticket_ends_after_its_lifetime_or_with_the_next_one() {
        let now = Instant::now();
        let mut tickets = Tickets::default();
        tickets.give("old".to_owned(), ticket(3, now));
        tickets.give("new".to_owned(), ticket(3, now));

        assert_eq!(tickets.redeem("old", 1, 3, "s", now), None);
        assert_eq!(tickets.redeem("new", 1, 3, "s", now + LIFETIME), None);
        assert_eq!(tickets.expire(now + LIFETIME).len(), 1);
        assert!(!tickets.holds(GuildId::new(1), UserId::new(3)));
    }
}
