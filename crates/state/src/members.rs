//! The members of a guild, packed: a guild of a million takes tens of bytes for each.
//!
//! A record is made of its bytes when it is asked for whole; [`Peek`] reads single fields where they lie.

use std::sync::Arc;

use imbl::OrdSet;
use model::id::RoleId;
use model::id::UserId;
use model::wire::id::Id;
use model::wire::util::Timestamp;

use crate::packed::Packed;
use crate::packed::Reader;
use crate::packed::Writer;
use crate::record::MemberRecord;

/// See the module. Clones share what they have in common.
#[derive(Clone, Default)]
pub struct Members {
    packed: Packed,
    /// Names of their own, folded, with whose they are.
    nicks: OrdSet<(Arc<str>, UserId)>,
}

impl Members {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether someone is a member.
    #[must_use]
    pub fn contains_key(&self, user: &UserId) -> bool {
        self.packed.get(user.get()).is_some()
    }

    /// Someone's record, made anew.
    #[must_use]
    pub fn get(&self, user: &UserId) -> Option<Arc<MemberRecord>> {
        self.peek(*user).map(|member| Arc::new(member.record()))
    }

    /// Someone, to look at where they lie.
    #[must_use]
    pub fn peek(&self, user: UserId) -> Option<Peek<'_>> {
        self.packed.get(user.get()).map(|bytes| Peek::new(user, bytes))
    }

    /// Everybody, by ascending id.
    pub fn peeks(&self) -> impl Iterator<Item = Peek<'_>> {
        self.packed.iter().map(|(id, bytes)| Peek::new(Id::new(id), bytes))
    }

    /// Everybody's record, by ascending id.
    pub fn values(&self) -> impl Iterator<Item = Arc<MemberRecord>> {
        self.peeks().map(|member| Arc::new(member.record()))
    }

    /// Everybody's id, ascending.
    pub fn keys(&self) -> impl Iterator<Item = UserId> {
        self.packed.iter().map(|(id, _)| Id::new(id))
    }

    /// The ids of those from that one on, ascending.
    pub fn from(&self, user: UserId) -> impl Iterator<Item = UserId> {
        self.packed.from(user.get()).map(|(id, _)| Id::new(id))
    }

    /// Puts someone; the record that it replaces.
    pub fn insert(&mut self, user: UserId, member: Arc<MemberRecord>) -> Option<Arc<MemberRecord>> {
        let old = self.get(&user);
        let nick = old.as_ref().and_then(|old| old.nick.as_deref());
        if nick != member.nick.as_deref() {
            self.rename(user, nick.map(fold), member.nick.as_deref().map(fold));
        }
        self.packed.insert(user.get(), &packed(&member));
        old
    }

    /// Takes someone out; their record.
    pub fn remove(&mut self, user: &UserId) -> Option<Arc<MemberRecord>> {
        let old = self.get(user)?;
        self.rename(*user, old.nick.as_deref().map(fold), None);
        self.packed.remove(user.get());
        Some(old)
    }

    /// Those whose own name here begins with `folded`, which is without case, in the order of those names.
    pub fn nicked<'a>(&'a self, folded: &'a str) -> impl Iterator<Item = UserId> + 'a {
        let first: (Arc<str>, UserId) = (folded.into(), Id::new(1));
        let from = self.nicks.range(first..);
        from.take_while(move |(nick, _)| nick.starts_with(folded)).map(|(_, user)| *user)
    }

    fn rename(&mut self, user: UserId, old: Option<String>, new: Option<String>) {
        if let Some(old) = old {
            self.nicks.remove(&(Arc::<str>::from(old), user));
        }
        if let Some(new) = new {
            self.nicks.insert((new.into(), user));
        }
    }
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.packed == other.packed
    }
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

impl FromIterator<Arc<MemberRecord>> for Members {
    fn from_iter<T: IntoIterator<Item = Arc<MemberRecord>>>(all: T) -> Self {
        let mut members = Self::new();
        for member in all {
            members.insert(member.user, member);
        }
        members
    }
}

/// A name without case, as names are compared and searched.
#[must_use]
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// A member where they lie.
#[derive(Clone, Copy)]
pub struct Peek<'a> {
    user: UserId,
    bits: u8,
    /// Microseconds of Unix.
    joined_at: i64,
    flags: u64,
    /// Ids of eight bytes.
    roles: &'a [u8],
    rest: Reader<'a>,
}

impl<'a> Peek<'a> {
    fn new(user: UserId, bytes: &'a [u8]) -> Self {
        let mut rest = Reader(bytes);
        let bits = rest.byte();
        let joined_at = rest.word().cast_signed();
        let flags = rest.number();
        let count = rest.number() as usize;
        let roles = rest.take(count * size_of::<u64>());
        Self { user, bits, joined_at, flags, roles, rest }
    }

    /// Who.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Roles beside `@everyone`, in no order.
    pub fn roles(&self) -> impl Iterator<Item = RoleId> + Clone + use<'a> {
        let (words, _) = self.roles.as_chunks::<8>();
        words.iter().filter_map(|word| Id::new_checked(u64::from_le_bytes(*word)))
    }

    /// Microseconds of Unix since when they are here.
    #[must_use]
    pub const fn joined_micros(&self) -> i64 {
        self.joined_at
    }

    /// Discord's member flags.
    #[must_use]
    pub const fn flags(&self) -> u64 {
        self.flags
    }

    /// Whether they have yet to pass the guild's screening.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.bits & PENDING != 0
    }

    /// Whether an application came with them.
    #[must_use]
    pub const fn is_integration(&self) -> bool {
        self.bits & INTEGRATION != 0
    }

    /// Microseconds of Unix until when they are timed out.
    #[must_use]
    pub fn silent_until_micros(&self) -> Option<i64> {
        let mut rest = self.rest;
        (self.bits & TIMEOUT != 0).then(|| rest.word().cast_signed())
    }

    /// Their name in this guild.
    #[must_use]
    pub fn nick(&self) -> Option<&'a str> {
        let mut rest = self.rest;
        if self.bits & TIMEOUT != 0 {
            rest.word();
        }
        (self.bits & NICK != 0).then(|| rest.text())
    }

    /// The whole record.
    #[must_use]
    pub fn record(&self) -> MemberRecord {
        let mut rest = self.rest;
        let has = |bit: u8| self.bits & bit != 0;
        let timeout = has(TIMEOUT).then(|| rest.word().cast_signed());
        let nick = has(NICK).then(|| rest.text().into());
        let avatar = has(AVATAR).then(|| rest.text().into());
        let onboarding = match has(ONBOARDING) {
            true => (0..rest.number()).filter_map(|_| Id::new_checked(rest.word())).collect(),
            false => Vec::new(),
        };
        let integration = has(INTEGRATION).then(|| serde_json::from_slice(rest.bytes()).ok());
        MemberRecord {
            user: self.user,
            nick,
            roles: self.roles().collect(),
            joined_at: time(self.joined_at),
            mute: has(MUTE),
            deaf: has(DEAF),
            pending: has(PENDING),
            communication_disabled_until: timeout.map(time),
            flags: self.flags,
            avatar,
            onboarding,
            integration: integration.flatten(),
        }
    }
}

fn time(micros: i64) -> Timestamp {
    // It was made of a time.
    Timestamp::from_micros(micros).expect("a time that was one before")
}

fn packed(member: &MemberRecord) -> Vec<u8> {
    let bit = |holds: bool, bit: u8| if holds { bit } else { 0 };
    let mut writer = Writer::default();
    writer.byte(
        bit(member.nick.is_some(), NICK)
            | bit(member.avatar.is_some(), AVATAR)
            | bit(member.mute, MUTE)
            | bit(member.deaf, DEAF)
            | bit(member.pending, PENDING)
            | bit(member.communication_disabled_until.is_some(), TIMEOUT)
            | bit(!member.onboarding.is_empty(), ONBOARDING)
            | bit(member.integration.is_some(), INTEGRATION),
    );
    writer.word(member.joined_at.as_micros().cast_unsigned());
    writer.number(member.flags);
    writer.number(member.roles.len() as u64);
    for role in &member.roles {
        writer.word(role.get());
    }
    if let Some(until) = member.communication_disabled_until {
        writer.word(until.as_micros().cast_unsigned());
    }
    for text in [&member.nick, &member.avatar].into_iter().flatten() {
        writer.bytes(text.as_bytes());
    }
    if !member.onboarding.is_empty() {
        writer.number(member.onboarding.len() as u64);
        member.onboarding.iter().for_each(|prompt| writer.word(prompt.get()));
    }
    if let Some(integration) = &member.integration {
        // Of texts and numbers: it can always be written.
        writer.bytes(&serde_json::to_vec(integration).unwrap_or_default());
    }
    writer.0
}

const NICK: u8 = 1;
const AVATAR: u8 = 1 << 1;
const MUTE: u8 = 1 << 2;
const DEAF: u8 = 1 << 3;
const PENDING: u8 = 1 << 4;
const TIMEOUT: u8 = 1 << 5;
const ONBOARDING: u8 = 1 << 6;
const INTEGRATION: u8 = 1 << 7;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::record::IntegrationRecord;

    fn any_integration() -> impl Strategy<Value = Option<Arc<IntegrationRecord>>> {
        let texts = (".{0,20}", ".{0,40}", prop::collection::vec("[a-z.]{0,9}", 0..3));
        prop::option::weighted(0.2, (texts, 1..u64::MAX)).prop_map(|made| {
            let ((name, description, scopes), user) = made?;
            Some(Arc::new(IntegrationRecord { name, description, user: Id::new(user), scopes }))
        })
    }

    fn any_member(users: u64) -> impl Strategy<Value = MemberRecord> {
        let times = (0..4_102_444_800_000_000_i64, prop::option::of(0..4_102_444_800_000_000_i64));
        let texts = (prop::option::of("\\PC{0,12}"), prop::option::of("[0-9a-f]{32}"));
        let ids = prop::collection::vec(1..u64::MAX, 0..6);
        let rest = (ids.clone(), ids, any::<u64>(), any::<[bool; 3]>(), any_integration());
        (1..=users, times, texts, rest).prop_map(|(user, (joined, until), (nick, avatar), rest)| {
            let (roles, onboarding, flags, [mute, deaf, pending], integration) = rest;
            MemberRecord {
                user: Id::new(user),
                nick: nick.map(Into::into),
                roles: roles.into_iter().map(Id::new).collect(),
                joined_at: time(joined),
                mute,
                deaf,
                pending,
                communication_disabled_until: until.map(time),
                flags,
                avatar: avatar.map(Into::into),
                onboarding: onboarding.into_iter().map(Id::new).collect(),
                integration,
            }
        })
    }

    proptest! {
        #[test]
        fn whoever_is_put_in_comes_out_as_they_were(
            all in prop::collection::vec((any_member(60), any::<bool>()), 0..200),
        ) {
            let (mut members, mut model) = (Members::new(), BTreeMap::new());
            for (member, stays) in all {
                let (user, member) = (member.user, Arc::new(member));
                prop_assert_eq!(members.insert(user, Arc::clone(&member)), model.insert(user, member));
                if !stays {
                    prop_assert_eq!(members.remove(&user), model.remove(&user));
                }
            }
            prop_assert_eq!(members.len(), model.len());
            prop_assert!(members.values().eq(model.values().cloned()));
            prop_assert!(members.keys().eq(model.keys().copied()));
            for (user, member) in &model {
                let peek = members.peek(*user).expect("a member");
                prop_assert!(peek.roles().eq(member.roles.iter().copied()));
                prop_assert_eq!(peek.nick(), member.nick.as_deref());
                prop_assert_eq!(peek.flags(), member.flags);
                prop_assert_eq!(peek.is_pending(), member.pending);
                prop_assert_eq!(peek.is_integration(), member.integration.is_some());
                prop_assert_eq!(peek.joined_micros(), member.joined_at.as_micros());
                let until = member.communication_disabled_until.map(Timestamp::as_micros);
                prop_assert_eq!(peek.silent_until_micros(), until);
            }
            for letter in ["", "a", "ß", "0"] {
                let mut found: Vec<_> = members.nicked(letter).collect();
                found.sort_unstable();
                let begins = |nick: &str| fold(nick).starts_with(letter);
                let wanted = model.values().filter(|member| member.nick.as_deref().is_some_and(begins));
                let wanted: Vec<_> = wanted.map(|member| member.user).collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
