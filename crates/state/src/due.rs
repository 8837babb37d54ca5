//! What the clock will do to guilds, soonest first: threads to archive, events to begin and end.
//!
//! A queue of promises to look, not of facts: a thread in which someone speaks is left where it is, and
//! put off when its turn comes. So nothing is walked but what may be due, and speaking costs nothing.
//! Pure; times are Unix milliseconds.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use model::id::ChannelId;
use model::id::GuildId;

use crate::event::GuildEvent;
use crate::guild::Guild;

/// What may come due in a guild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matter {
    /// A thread, which silence archives.
    Thread(ChannelId),
    /// The guild's events, all of them.
    Events,
}

/// See the module. Drain [`take`](Self::take) until it has nothing more.
#[derive(Debug, Default)]
pub struct Due {
    queue: BTreeSet<(u64, GuildId, Matter)>,
    noted: HashMap<(GuildId, Matter), u64>,
    /// Guilds in which a stage is on: whether someone speaks there is nothing that a time tells.
    staged: BTreeSet<GuildId>,
}

impl Due {
    /// Someone is to look at `matter` at `at_ms`. Of two times the earlier one stands.
    pub fn note(&mut self, guild: GuildId, matter: Matter, at_ms: u64) {
        if let Some(noted) = self.noted.get(&(guild, matter)).copied() {
            if noted <= at_ms {
                return;
            }
            self.queue.remove(&(noted, guild, matter));
        }
        self.noted.insert((guild, matter), at_ms);
        self.queue.insert((at_ms, guild, matter));
    }

    /// The next of what is to be looked at by `now_ms`. It is noted no more.
    pub fn take(&mut self, now_ms: u64) -> Option<(GuildId, Matter)> {
        let (at_ms, guild, matter) = *self.queue.first()?;
        if at_ms > now_ms {
            return None;
        }
        self.queue.pop_first();
        self.noted.remove(&(guild, matter));
        Some((guild, matter))
    }

    /// How much is noted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing is noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Notes all that may come due in a guild that was not known before.
    pub fn welcome(&mut self, guild: &Guild) {
        for thread in guild.threads.keys() {
            self.note_thread(guild, *thread);
        }
        self.note_events(guild);
        self.note_stages(guild);
    }

    /// Whether an event changes what is noted.
    #[must_use]
    pub const fn concerns(event: &GuildEvent) -> bool {
        matches!(
            event,
            GuildEvent::ThreadCreated(_)
                | GuildEvent::ThreadUpdated(_)
                | GuildEvent::EventScheduled(_)
                | GuildEvent::EventChanged(_)
                | GuildEvent::EventExcepted { .. }
                | GuildEvent::StageOpened(_)
                | GuildEvent::StageClosed(_)
                | GuildEvent::GuildDeleted
        )
    }

    /// Notes what `events` change about it; `guild` is as they left it.
    pub fn follow(&mut self, guild: &Guild, events: &[GuildEvent]) {
        for event in events {
            match event {
                GuildEvent::ThreadCreated(thread) | GuildEvent::ThreadUpdated(thread) => {
                    self.note_thread(guild, thread.id);
                }
                GuildEvent::EventScheduled(_)
                | GuildEvent::EventChanged(_)
                | GuildEvent::EventExcepted { .. } => {
                    self.note_events(guild);
                }
                GuildEvent::StageOpened(_) | GuildEvent::StageClosed(_) => self.note_stages(guild),
                GuildEvent::GuildDeleted => {
                    self.staged.remove(&guild.id);
                }
                _ => {}
            }
        }
    }

    /// Takes all that is due by `now_ms`, and says in which guilds the clock has something to do:
    /// `guild` is asked for each, `None` for one that is gone. What is not done by then is told again
    /// when it is asked for next.
    pub fn guilds<T>(&mut self, now_ms: u64, guild: impl Fn(GuildId) -> Option<T>) -> Vec<T>
    where
        T: std::ops::Deref<Target = Guild>,
    {
        let mut taken = Vec::new();
        while let Some(one) = self.take(now_ms) {
            taken.push(one);
        }
        let mut found = BTreeMap::new();
        for (id, matter) in taken {
            let Some(view) = guild(id) else { continue };
            let Some(at_ms) = view.due_at(matter, now_ms) else { continue };
            if at_ms > now_ms {
                self.note(id, matter, at_ms);
                continue;
            }
            // Until it is done: whoever is told may fail, or find that it takes more than the time.
            self.note(id, matter, now_ms);
            found.insert(id, view);
        }
        found.into_values().collect()
    }

    /// Guilds in which a stage is on.
    pub fn staged(&self) -> impl Iterator<Item = GuildId> {
        self.staged.iter().copied()
    }

    fn note_thread(&mut self, guild: &Guild, thread: ChannelId) {
        let matter = Matter::Thread(thread);
        if let Some(at_ms) = guild.due_at(matter, 0) {
            self.note(guild.id, matter, at_ms);
        }
    }

    fn note_events(&mut self, guild: &Guild) {
        if let Some(at_ms) = guild.due_at(Matter::Events, 0) {
            self.note(guild.id, Matter::Events, at_ms);
        }
    }

    fn note_stages(&mut self, guild: &Guild) {
        if guild.stages.is_empty() {
            self.staged.remove(&guild.id);
        } else {
            self.staged.insert(guild.id);
        }
    }
}

impl Guild {
    /// When the clock does something about `matter`, as things are at `now_ms`; `None`: never.
    #[must_use]
    pub fn due_at(&self, matter: Matter, now_ms: u64) -> Option<u64> {
        match matter {
            Matter::Thread(id) => self.threads.get(&id)?.idles_at(),
            Matter::Events => {
                let events = self.scheduled.values();
                events.filter_map(|event| event.record.looked_at(now_ms)).min()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::wire::id::Id;

    use super::*;

    const HALL: GuildId = Id::new(1);
    const QUAY: GuildId = Id::new(2);

    fn thread(id: u64) -> Matter {
        Matter::Thread(Id::new(id))
    }

    #[test]
    fn what_is_due_comes_soonest_first_and_once() {
        let mut due = Due::default();
        due.note(HALL, thread(9), 30);
        due.note(QUAY, Matter::Events, 10);
        due.note(HALL, thread(7), 20);

        assert_eq!(due.take(9), None);
        assert_eq!(due.take(20), Some((QUAY, Matter::Events)));
        assert_eq!(due.take(20), Some((HALL, thread(7))));
        assert_eq!(due.take(20), None);
        assert_eq!(due.take(30), Some((HALL, thread(9))));
        assert!(due.is_empty());
    }

    #[test]
    fn of_two_times_the_earlier_one_stands() {
        let mut due = Due::default();
        due.note(HALL, thread(7), 20);
        due.note(HALL, thread(7), 30);
        assert_eq!(due.take(19), None);
        due.note(HALL, thread(7), 10);

        assert_eq!(due.len(), 1);
        assert_eq!(due.take(10), Some((HALL, thread(7))));
        assert_eq!(due.take(100), None);
    }
}
