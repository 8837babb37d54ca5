//! Who is in the guild: a town's worth of accounts and members, each the same in every run, written
//! straight into a data folder before a server opens it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use indicatif::ProgressBar;
use model::id::ChannelId;
use model::id::GuildId;
use model::id::RoleId;
use model::id::UserId;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use signaling::auth::token;
use state::Guild;
use state::GuildCommand;
use state::guild::command::GuildDraft;
use state::guild::command::RolePatch;
use state::guild::plan::Change;
use state::guild::plan::Plan;
use state::record::AccountRecord;
use state::record::InviteRecord;
use state::record::MemberRecord;
use state::record::TokenRecord;
use state::record::UserRecord;
use storage::Repos;

/// The guild, and its channel where people speak.
pub(super) const GUILD: GuildId = Id::new(1_000_000_000_000_000_000);
pub(super) const TEXT: ChannelId = Id::new(1_000_000_000_000_000_002);
/// An invite into it, without end.
pub(super) const INVITE: &str = "town";
/// Who may do everything there, beside the owner, and comes first.
pub(super) const MODERATORS: u32 = 100;
/// People with an account and a token who are no members.
pub(super) const STRANGERS: u32 = 100;
/// Members who can be online: they have a token.
pub(super) const MOST_ONLINE: u32 = 20_000;
/// Roles that are shown apart; ordinary people have them.
const ROLES: u64 = 8;
const MODERATOR: RoleId = Id::new(1_000_000_000_000_000_100);
const FIRST_ROLE: u64 = 1_000_000_000_000_000_101;
/// Snowflakes of people begin here and are that far apart, as of accounts of some years.
const FIRST: u64 = 1_100_000_000_000_000_000;
const APART: u64 = 100_000_000_000;
/// Unix seconds since when everybody is there.
const SINCE: i64 = 1_780_000_000;
/// Accounts that are written at once, and members of one transaction.
const ACCOUNTS: usize = 2_048;
const MEMBERS: usize = 10_000;
/// What the folder says of itself.
const LABEL: &str = "bench-members.json";

const NAMES: [&str; 16] = [
    "Ada", "Benno", "Clara", "Dario", "Elif", "Farid", "Greta", "Hugo", "Ida", "Jonas", "Kaja",
    "Liam", "Mira", "Nils", "Olga", "Pavel",
];

/// Everybody.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folk {
    /// Members of the guild; moderators are the first of them.
    pub(super) members: u32,
    /// Members with a token, after the moderators.
    pub(super) online: u32,
}

/// Numbers that look like chance and are the same each time.
pub(super) const fn scatter(number: u64) -> u64 {
    let number = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^ (number >> 29)
}

/// The id of someone.
pub(super) const fn id(nth: u32) -> UserId {
    let nth = nth as u64;
    Id::new(FIRST + nth * APART + scatter(nth) % APART)
}

/// What someone is called, without their number: the beginning of many names.
const fn called(nth: u32) -> &'static str {
    NAMES[(scatter(nth as u64) >> 8) as usize % NAMES.len()]
}

/// The username of someone.
pub(super) fn username(nth: u32) -> String {
    // Odd, so that no two people share a number.
    let number = nth.wrapping_mul(0x9e_3779) & 0xff_ffff;
    format!("{}_{number:x}", called(nth).to_lowercase())
}

/// One of the roles that ordinary people have.
pub(super) const fn role(nth: u64) -> RoleId {
    Id::new(FIRST_ROLE + nth % ROLES)
}

/// Half have a name beside their username, a quarter a picture.
fn user(nth: u32) -> UserRecord {
    let chance = scatter(u64::from(nth) ^ 0x5eed);
    let global_name =
        || format!("{} {}", called(nth), NAMES[(chance >> 20) as usize % NAMES.len()]);
    UserRecord {
        id: id(nth),
        username: username(nth),
        global_name: chance.is_multiple_of(2).then(global_name),
        avatar: chance.is_multiple_of(4).then(|| format!("{:016x}{chance:016x}", scatter(chance))),
        bot: false,
        flags: 0,
    }
}

/// A third have a role, some of them three; a tenth have a name of their own here.
fn member(nth: u32) -> anyhow::Result<MemberRecord> {
    let chance = scatter(u64::from(nth));
    let roles = match chance % 30 {
        _ if nth <= MODERATORS => vec![MODERATOR],
        0 => (0..3).map(|more| role((chance >> 8) + more)).collect(),
        1..10 => vec![role(chance >> 8)],
        _ => Vec::new(),
    };
    let nick = || format!("Captain {}", chance >> 44).into();
    let joined_at = Timestamp::from_secs(SINCE + i64::from(nth))?;
    Ok(MemberRecord {
        nick: (chance >> 5).is_multiple_of(10).then(nick),
        roles,
        ..MemberRecord::joined(id(nth), joined_at)
    })
}

impl Folk {
    /// The token of a moderator, of someone who comes online, or of a stranger.
    pub(super) fn token(nth: u32) -> String {
        let secret: [u8; 32] =
            std::array::from_fn(|at| (scatter(u64::from(nth) << 8 | at as u64) >> 7) as u8);
        token::make(id(nth), 0, &secret)
    }

    /// Those who are to be online.
    pub(super) const fn present(self) -> std::ops::Range<u32> {
        MODERATORS + 1..MODERATORS + 1 + self.online
    }

    /// Those who are no members.
    pub(super) const fn strangers(self) -> std::ops::Range<u32> {
        self.members..self.members + STRANGERS
    }

    /// Whether `data` holds as many people, whoever of them is online.
    pub(super) fn live_in(self, data: &Path) -> bool {
        let label = std::fs::read(data.join(LABEL)).ok();
        label.and_then(|label| serde_json::from_slice::<u32>(&label).ok()) == Some(self.members)
    }

    /// Writes everybody into the data folder, which holds nothing yet and which nobody has open.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub(super) async fn settle(self, data: &Path, bar: &ProgressBar) -> anyhow::Result<()> {
        let repos = storage::open_sqlite(data).await?;
        let settled = self.write(&repos, bar).await;
        bar.set_message("closing the store");
        repos.close().await;
        settled?;
        std::fs::write(data.join(LABEL), serde_json::to_vec(&self.members)?)?;
        Ok(())
    }

    async fn write(self, repos: &Repos, bar: &ProgressBar) -> anyhow::Result<()> {
        let all = self.members + STRANGERS;
        let accounts = (0..all).map(|nth| async move {
            if nth % 5_000 == 0 {
                bar.set_message(format!("making accounts, {nth} of {all}"));
            }
            let (user, password) = (user(nth), None);
            repos
                .accounts
                .create(&AccountRecord { user, password, owner: nth == 0, disabled: false })
                .await
        });
        let accounts = futures_util::stream::iter(accounts).buffer_unordered(ACCOUNTS);
        accounts.try_collect::<Vec<()>>().await.context("no account")?;
        let most = (MODERATORS + 1 + MOST_ONLINE).min(self.members);
        let known = (0..most).chain(self.strangers());
        let tokens = known.map(|nth| async move {
            let token = Self::token(nth);
            let hash = token::hash(&token);
            repos.accounts.add_token(&TokenRecord { hash, user: id(nth), created_ms: 0 }).await
        });
        let tokens = futures_util::stream::iter(tokens).buffer_unordered(ACCOUNTS);
        tokens.try_collect::<Vec<()>>().await.context("no token")?;
        let mut guild = found()?;
        repos.guilds.create(&guild).await?;
        let others: Vec<u32> = (1..self.members).collect();
        for chunk in others.chunks(MEMBERS) {
            bar.set_message(format!("making members, {} of {}", chunk[0], self.members));
            let put = |nth: &u32| anyhow::Ok(Change::PutMember(Arc::new(member(*nth)?)));
            let changes = chunk.iter().map(put).collect::<Result<_, _>>()?;
            let plan = Plan { guild: GUILD, version: guild.version, changes };
            repos.guilds.commit(&plan).await?;
            guild.version += 1;
        }
        let invite = InviteRecord {
            code: INVITE.to_owned(),
            guild: Some(GUILD),
            channel: Some(TEXT),
            inviter: Some(id(0)),
            max_uses: 0,
            uses: 0,
            max_age: 0,
            created_ms: 0,
            owner: false,
            temporary: false,
            roles: Vec::new(),
            targets: None,
        };
        repos.invites.create(&invite).await?;
        Ok(())
    }
}

/// The guild with its roles, and nobody in it but the owner.
fn found() -> anyhow::Result<Guild> {
    let first = GUILD.get();
    let draft = GuildDraft {
        id: GUILD,
        name: "Town".to_owned(),
        owner: id(0),
        icon: None,
        now: Timestamp::from_secs(SINCE)?,
        channel_ids: [first + 1, TEXT.get(), first + 3, first + 4].map(Id::new),
    };
    let mut guild = Guild::found(draft)?;
    let apart = RolePatch { hoist: Some(true), ..RolePatch::default() };
    let ordinary = (0..ROLES).map(|nth| (role(nth), apart.clone()));
    let all = RolePatch { permissions: Some(Permissions::ADMINISTRATOR), ..apart.clone() };
    // The last one made is the highest.
    for (id, patch) in ordinary.chain([(MODERATOR, all)]) {
        let plan = guild.plan(self::id(0), &GuildCommand::CreateRole(id, patch), 0)?;
        guild = guild.apply(&plan).0;
    }
    Ok(guild)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nobody_shares_an_id_or_a_username() {
        let ids: HashSet<_> = (0..20_000).map(id).collect();
        let names: HashSet<_> = (0..20_000).map(username).collect();

        assert_eq!((ids.len(), names.len()), (20_000, 20_000));
        assert!((0..20_000).all(|nth| id(nth) < id(nth + 1)));
    }

    #[tokio::test]
    async fn everybody_who_was_written_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let folk = Folk { members: 500, online: 3 };

        folk.settle(folder.path(), &ProgressBar::hidden()).await.expect("written");

        assert!(folk.live_in(folder.path()));
        assert!(!Folk { members: 501, ..folk }.live_in(folder.path()));
        let repos = storage::open_sqlite(folder.path()).await.expect("a store");
        let guilds = repos.guilds.load().await.expect("loaded");
        assert_eq!(guilds[0].members.len(), 500);
        assert!(guilds[0].permissions(id(1), 0).has(Permissions::ADMINISTRATOR));
        assert!(guilds[0].outranks(id(1), id(MODERATORS + 1)));
        for nth in [0, 1, folk.present().start, folk.strangers().start] {
            let token = repos.accounts.token(&token::hash(&Folk::token(nth))).await.expect("asked");
            assert_eq!(token.map(|token| token.user), Some(id(nth)));
        }
    }
}
