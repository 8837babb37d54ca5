//! A hundred thousand random steps against a model of who may act on whom, which knows nothing of how
//! it is done: roles that are counted, people with sets of them, and one owner.

mod support;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use model::id::RoleId;
use model::id::UserId;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use state::Guild;
use state::GuildCommand;
use state::guild::command::MemberPatch;
use state::guild::command::RolePatch;
use state::guild::command::SettingsPatch;

use support::*;

const STEPS: usize = 100_000;
const PEOPLE: u64 = 9;
const ROLES: usize = 12;

/// What roles can grant here, by bit.
const RIGHTS: [Permissions; 7] = [
    Permissions::MANAGE_ROLES,
    Permissions::KICK_MEMBERS,
    Permissions::BAN_MEMBERS,
    Permissions::MODERATE_MEMBERS,
    Permissions::MANAGE_NICKNAMES,
    Permissions::MANAGE_GUILD,
    Permissions::ADMINISTRATOR,
];

fn rights(bits: u64) -> BTreeSet<usize> {
    (0..RIGHTS.len()).filter(|bit| bits & (1 << bit) != 0).collect()
}

fn permissions(rights: &BTreeSet<usize>) -> Permissions {
    rights.iter().fold(Permissions::empty(), |sum, right| sum | RIGHTS[*right])
}

const ROLE: usize = 0;
const KICK: usize = 1;
const BAN: usize = 2;
const TIMEOUT: usize = 3;
const NICK: usize = 4;
const ADMIN: usize = 6;

#[derive(Clone, Debug, PartialEq, Eq)]
struct ModelRole {
    position: i64,
    rights: BTreeSet<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ModelMember {
    roles: BTreeSet<RoleId>,
    quiet: bool,
}

struct Model {
    owner: UserId,
    roles: BTreeMap<RoleId, ModelRole>,
    members: BTreeMap<UserId, ModelMember>,
    banned: BTreeSet<UserId>,
}

impl Model {
    /// How many roles are below one: of those at one place the newer is lower.
    fn rung(&self, role: RoleId) -> usize {
        let place = |id: RoleId| (self.roles[&id].position, std::cmp::Reverse(id));
        self.roles.keys().filter(|other| place(**other) < place(role)).count()
    }

    /// How high someone stands: strangers at 0, the owner above all.
    fn height(&self, user: UserId) -> usize {
        let Some(member) = self.members.get(&user) else { return 0 };
        if user == self.owner {
            return usize::MAX;
        }
        let held = member.roles.iter().chain([&EVERYONE]);
        held.map(|role| self.rung(*role) + 1).max().expect("everyone has a role")
    }

    fn above(&self, actor: UserId, target: UserId) -> bool {
        actor != target && self.height(actor) > self.height(target)
    }

    fn above_role(&self, actor: UserId, role: RoleId) -> bool {
        self.height(actor) > self.rung(role) + 1
    }

    fn is_administrator(&self, user: UserId) -> bool {
        let Some(member) = self.members.get(&user) else { return false };
        let held = member.roles.iter().chain([&EVERYONE]);
        user == self.owner || { held }.any(|role| self.roles[role].rights.contains(&ADMIN))
    }

    fn has(&self, user: UserId, right: usize) -> bool {
        let Some(member) = self.members.get(&user) else { return false };
        let mut held = member.roles.iter().chain([&EVERYONE]);
        self.is_administrator(user)
            || (!member.quiet && held.any(|role| self.roles[role].rights.contains(&right)))
    }

    fn has_all(&self, user: UserId, rights: &BTreeSet<usize>) -> bool {
        rights.iter().all(|right| self.has(user, *right))
    }

    /// Makes the change if it may be made; whether it may.
    fn step(&mut self, actor: UserId, command: &GuildCommand) -> bool {
        if let GuildCommand::Join { user, .. } = command {
            let may = !self.banned.contains(user);
            if may {
                self.members.entry(*user).or_default();
            }
            return may;
        }
        if !self.members.contains_key(&actor) {
            return false;
        }
        match command {
            GuildCommand::CreateRole(id, patch) => {
                let rights = granted(patch);
                let may = self.has(actor, ROLE) && self.has_all(actor, &rights);
                if may {
                    self.roles.insert(*id, ModelRole { position: 1, rights });
                }
                may
            }
            GuildCommand::UpdateRole(id, patch) => {
                let Some(old) = self.roles.get(id) else { return false };
                let new = granted(patch);
                let added: BTreeSet<_> = new.difference(&old.rights).copied().collect();
                let may = self.has(actor, ROLE)
                    && self.above_role(actor, *id)
                    && self.has_all(actor, &added);
                if may && let Some(role) = self.roles.get_mut(id) {
                    role.rights = new;
                }
                may
            }
            GuildCommand::MoveRoles(moves) => {
                let (id, position) = moves[0];
                let Some(old) = self.roles.get(&id) else { return false };
                if !self.has(actor, ROLE) {
                    return false;
                }
                if old.position == position {
                    return true;
                }
                // Nobody lifts a role to the place of their own highest one.
                let highest = self.members[&actor].roles.iter().chain([&EVERYONE]);
                let highest = highest.max_by_key(|role| self.rung(**role)).expect("a role");
                let low = actor == self.owner || position < self.roles[highest].position;
                let may = self.above_role(actor, id) && id != EVERYONE && position >= 1 && low;
                if may && let Some(role) = self.roles.get_mut(&id) {
                    role.position = position;
                }
                may
            }
            GuildCommand::DeleteRole(id) => {
                let there = self.roles.contains_key(id) && *id != EVERYONE;
                let may = there && self.has(actor, ROLE) && self.above_role(actor, *id);
                if may {
                    self.roles.remove(id);
                    for member in self.members.values_mut() {
                        member.roles.remove(id);
                    }
                }
                may
            }
            GuildCommand::UpdateMember(user, patch) => self.member(actor, *user, patch),
            GuildCommand::Kick(user) => {
                let there = self.members.contains_key(user);
                let may = there && self.has(actor, KICK) && self.above(actor, *user);
                if may {
                    self.members.remove(user);
                }
                may
            }
            GuildCommand::Ban { user, .. } => {
                let there = self.members.contains_key(user);
                let may = self.has(actor, BAN) && (!there || self.above(actor, *user));
                if may {
                    self.members.remove(user);
                    self.banned.insert(*user);
                }
                may
            }
            GuildCommand::Unban(user) => self.has(actor, BAN) && self.banned.remove(user),
            GuildCommand::UpdateSettings(patch) => {
                let to = patch.owner.expect("all that these steps change");
                let may = actor == self.owner && self.members.contains_key(&to);
                if may {
                    self.owner = to;
                }
                may
            }
            other => panic!("{other:?} is no step of these"),
        }
    }

    fn member(&mut self, actor: UserId, user: UserId, patch: &MemberPatch) -> bool {
        let Some(old) = self.members.get(&user) else { return false };
        if let Some(roles) = &patch.roles {
            if roles.iter().any(|role| !self.roles.contains_key(role)) {
                return false;
            }
            let new: BTreeSet<_> = roles.iter().copied().filter(|role| *role != EVERYONE).collect();
            let mut changed = new.symmetric_difference(&old.roles);
            let may = self.has(actor, ROLE) && changed.all(|role| self.above_role(actor, *role));
            if may && let Some(member) = self.members.get_mut(&user) {
                member.roles = new;
            }
            return may;
        }
        if let Some(until) = patch.communication_disabled_until {
            let may = self.has(actor, TIMEOUT)
                && self.above(actor, user)
                && (until.is_none() || !self.is_administrator(user));
            if may && let Some(member) = self.members.get_mut(&user) {
                member.quiet = until.is_some();
            }
            return may;
        }
        self.has(actor, NICK) && (user == actor || self.above(actor, user))
    }
}

fn granted(patch: &RolePatch) -> BTreeSet<usize> {
    let given = patch.permissions.expect("all that these steps change");
    (0..RIGHTS.len()).filter(|right| given.contains(RIGHTS[*right])).collect()
}

/// Numbers that look random and are the same each time (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn user(&mut self) -> UserId {
        Id::new(1 + self.below(PEOPLE))
    }

    fn role(&mut self, model: &Model) -> RoleId {
        let roles: Vec<_> = model.roles.keys().copied().collect();
        roles[usize::try_from(self.below(roles.len() as u64)).expect("few roles")]
    }

    fn rights(&mut self) -> Option<Permissions> {
        // An administrator now and then; else nobody could be told apart soon.
        let bits = self.below(64) & self.below(64) | if self.below(40) == 0 { 64 } else { 0 };
        Some(permissions(&rights(bits)))
    }

    fn command(&mut self, model: &Model, actor: UserId, next: u64) -> GuildCommand {
        let user = self.user();
        match self.below(14) {
            0 | 1 if model.roles.len() < ROLES => {
                let patch = RolePatch { permissions: self.rights(), ..RolePatch::default() };
                GuildCommand::CreateRole(Id::new(next), patch)
            }
            0..=2 => GuildCommand::DeleteRole(self.role(model)),
            3 => {
                let patch = RolePatch { permissions: self.rights(), ..RolePatch::default() };
                GuildCommand::UpdateRole(self.role(model), patch)
            }
            4 | 5 => {
                let position = i64::try_from(self.below(9)).expect("small");
                GuildCommand::MoveRoles(vec![(self.role(model), position)])
            }
            6..=8 => {
                let held = model.members.get(&user).map(|member| member.roles.clone());
                let mut roles = held.unwrap_or_default();
                let role = self.role(model);
                if !roles.remove(&role) {
                    roles.insert(role);
                }
                let roles = Some(roles.into_iter().collect());
                GuildCommand::UpdateMember(user, MemberPatch { roles, ..MemberPatch::default() })
            }
            9 => {
                let until = (self.below(3) == 0).then(|| at(NOW + 60_000));
                let patch = MemberPatch {
                    communication_disabled_until: Some(until),
                    ..MemberPatch::default()
                };
                GuildCommand::UpdateMember(user, patch)
            }
            10 => {
                let nick = Some(Some(format!("n{next}")));
                GuildCommand::UpdateMember(user, MemberPatch { nick, ..MemberPatch::default() })
            }
            11 if self.below(2) == 0 => GuildCommand::Kick(user),
            11 if self.below(2) == 0 => GuildCommand::Ban { user, reason: None },
            11 if self.below(8) == 0 => {
                let patch = SettingsPatch { owner: Some(user), ..SettingsPatch::default() };
                GuildCommand::UpdateSettings(patch)
            }
            12 => GuildCommand::Unban(user),
            _ => GuildCommand::Join { user: actor, now: at(NOW), roles: Vec::new() },
        }
    }
}

/// Everything that the model knows of, as the guild has it.
fn same(guild: &Guild, model: &Model) {
    assert_eq!(guild.settings.owner, model.owner);
    let roles = guild.roles.iter().map(|(id, role)| {
        let rights = (0..RIGHTS.len()).filter(|right| role.permissions.contains(RIGHTS[*right]));
        (*id, ModelRole { position: role.position, rights: rights.collect() })
    });
    assert_eq!(roles.collect::<BTreeMap<_, _>>(), model.roles);
    let members = guild.members.values().map(|member| {
        let quiet = member.communication_disabled_until.is_some();
        (member.user, ModelMember { roles: member.roles.iter().copied().collect(), quiet })
    });
    assert_eq!(members.collect::<BTreeMap<_, _>>(), model.members);
    assert!(guild.bans.keys().eq(model.banned.iter()));
}

#[test]
fn a_hundred_thousand_steps_let_nobody_act_above_themselves() {
    let mut guild = Guild::found(draft()).expect("the draft is valid");
    let mut everyone = (**guild.roles.get(&EVERYONE).expect("everyone")).clone();
    everyone.permissions = Permissions::empty();
    guild.roles.insert(EVERYONE, std::sync::Arc::new(everyone));
    let mut model = Model {
        owner: OWNER,
        roles: BTreeMap::from([(EVERYONE, ModelRole { position: 0, rights: BTreeSet::new() })]),
        members: BTreeMap::from([(OWNER, ModelMember::default())]),
        banned: BTreeSet::new(),
    };
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let (mut allowed, mut denied) = (0_usize, 0_usize);
    for step in 0..STEPS {
        // The owner often: else soon nobody may do anything.
        let actor = if dice.below(4) == 0 { model.owner } else { dice.user() };
        let command = dice.command(&model, actor, 1_000 + step as u64);

        let may = model.step(actor, &command);

        match guild.plan(actor, &command, NOW) {
            Ok(plan) => {
                assert!(may, "step {step}: {actor} was let do {command:?}");
                guild = guild.apply(&plan).0;
                allowed += 1;
            }
            Err(why) => {
                assert!(!may, "step {step}: {actor} was refused {command:?}: {why}");
                denied += 1;
            }
        }
        let (one, other) = (dice.user(), dice.user());
        let both = model.members.contains_key(&one) && one != other;
        if both {
            assert_eq!(guild.outranks(one, other), model.above(one, other), "step {step}");
        }
        if step % 64 == 0 {
            same(&guild, &model);
        }
    }
    same(&guild, &model);
    // Both happen often, or the steps show nothing.
    assert!(allowed > STEPS / 5 && denied > STEPS / 5, "{allowed} allowed, {denied} denied");
}
