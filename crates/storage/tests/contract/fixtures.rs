//! People, guilds and messages that the suite stores.

use model::id::ChannelId;
use model::id::GuildId;
use model::id::MessageId;
use model::id::UserId;
use model::snowflake;
use model::wire::id::Id;
use model::wire::util::Timestamp;
use state::Guild;
use state::guild::command::GuildDraft;
use state::record::AccountRecord;
use state::record::InviteRecord;
use state::record::MessageRecord;
use state::record::ReactionEmoji;
use state::record::UserRecord;

pub(crate) const ANA: UserId = Id::new(1_001);
pub(crate) const BEN: UserId = Id::new(1_002);
pub(crate) const CAI: UserId = Id::new(1_003);
pub(crate) const GUILD: GuildId = Id::new(5_000);
pub(crate) const TEXT: ChannelId = Id::new(5_002);
pub(crate) const OTHER_TEXT: ChannelId = Id::new(9_002);

/// Noon of a day in 2026, in Unix milliseconds.
pub(crate) const NOON: u64 = 1_790_000_000_000;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000).expect("a time in 2026")
}

/// A message id made at `unix_ms`.
pub(crate) fn message_id(unix_ms: u64, sequence: u64) -> MessageId {
    Id::new(((unix_ms - snowflake::EPOCH) << 22) | sequence)
}

pub(crate) fn guild() -> Guild {
    let draft = GuildDraft {
        id: GUILD,
        name: "Harbour".to_owned(),
        owner: ANA,
        icon: Some("0123456789abcdef0123456789abcdef".to_owned()),
        now: now(),
        channel_ids: [5_001, 5_002, 5_003, 5_004].map(Id::new),
    };
    Guild::found(draft).expect("the draft is valid")
}

pub(crate) fn account(id: UserId, username: &str) -> AccountRecord {
    AccountRecord {
        user: UserRecord {
            id,
            username: username.to_owned(),
            global_name: Some(format!("{username} the first")),
            avatar: None,
            bot: false,
            flags: 1 << 40,
        },
        password: Some("$argon2id$...".to_owned()),
        owner: false,
        disabled: false,
    }
}

pub(crate) fn invite(code: &str) -> InviteRecord {
    InviteRecord {
        code: code.to_owned(),
        guild: Some(GUILD),
        channel: Some(TEXT),
        inviter: Some(ANA),
        max_uses: 0,
        uses: 0,
        max_age: 0,
        created_ms: NOON,
        owner: false,
        temporary: false,
        roles: Vec::new(),
        targets: None,
    }
}

pub(crate) fn message(id: MessageId) -> MessageRecord {
    MessageRecord {
        guild: Some(GUILD),
        ..MessageRecord::said(id, TEXT, ANA, format!("message {id}"))
    }
}

pub(crate) fn emoji(name: &str) -> ReactionEmoji {
    ReactionEmoji { id: None, name: name.to_owned() }
}
