//! Guilds in SQLite: one row for each role, channel, member and ban, guarded by the version.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use model::id::GuildId;
use model::permissions::Kept;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;
use state::audit::AuditEntry;
use state::audit::AuditQuery;
use state::guild::Guild;
use state::guild::plan::Change;
use state::guild::plan::Plan;
use state::repo::GuildRepo;
use state::repo::RepoError;
use state::scheduled::Scheduled;
use state::scheduled::ScheduledEventRecord;
use state::screening::JoinRequest;
use state::screening::JoinRequestQuery;
use state::thread::Thread;
use state::thread::ThreadCounts;
use state::thread::ThreadMember;

use super::Database;
use super::audit;
use super::join_requests;
use super::row;
use super::row::document;
use super::row::failed;
use super::row::key;

/// What a change does to a row of one of the guild's tables.
enum Row {
    Put { table: Table, id: i64, document: String },
    Delete { table: Table, id: i64 },
    PutThreadMember { thread: i64, user: i64, document: String },
    DeleteThreadMember { thread: i64, user: i64 },
    PutInterest { event: i64, user: i64 },
    DeleteInterest { event: i64, user: i64 },
    PutJoinRequest(join_requests::Row),
    DeleteJoinRequest { user: i64 },
    Settings(String),
    DeleteGuild,
    Log(audit::Row),
}

#[derive(Clone, Copy)]
enum Table {
    Roles,
    Channels,
    Threads,
    Members,
    Bans,
    Emojis,
    Rules,
    Stickers,
    Sounds,
    ScheduledEvents,
    Stages,
}

impl Table {
    const fn put(self) -> &'static str {
        match self {
            Self::Roles => "INSERT OR REPLACE INTO roles (guild, id, document) VALUES (?, ?, ?)",
            Self::Channels => {
                "INSERT OR REPLACE INTO channels (guild, id, document) VALUES (?, ?, ?)"
            }
            // Its counts stay.
            Self::Threads => {
                "INSERT INTO threads (guild, id, document) VALUES (?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET document = excluded.document"
            }
            Self::Members => {
                "INSERT OR REPLACE INTO members (guild, user, document) VALUES (?, ?, ?)"
            }
            Self::Emojis => "INSERT OR REPLACE INTO emojis (guild, id, document) VALUES (?, ?, ?)",
            Self::Rules => {
                "INSERT OR REPLACE INTO automod_rules (guild, id, document) VALUES (?, ?, ?)"
            }
            Self::Stickers => {
                "INSERT OR REPLACE INTO stickers (guild, id, document) VALUES (?, ?, ?)"
            }
            Self::Sounds => "INSERT OR REPLACE INTO sounds (guild, id, document) VALUES (?, ?, ?)",
            // Who is interested stays.
            Self::ScheduledEvents => {
                "INSERT INTO scheduled_events (guild, id, document) VALUES (?, ?, ?)
                 ON CONFLICT (guild, id) DO UPDATE SET document = excluded.document"
            }
            Self::Stages => {
                "INSERT OR REPLACE INTO stages (guild, channel, document) VALUES (?, ?, ?)"
            }
            Self::Bans => "INSERT OR REPLACE INTO bans (guild, user, document) VALUES (?, ?, ?)",
        }
    }

    const fn delete(self) -> &'static str {
        match self {
            Self::Roles => "DELETE FROM roles WHERE guild = ? AND id = ?",
            Self::Channels => "DELETE FROM channels WHERE guild = ? AND id = ?",
            Self::Threads => "DELETE FROM threads WHERE guild = ? AND id = ?",
            Self::Members => "DELETE FROM members WHERE guild = ? AND user = ?",
            Self::Emojis => "DELETE FROM emojis WHERE guild = ? AND id = ?",
            Self::Rules => "DELETE FROM automod_rules WHERE guild = ? AND id = ?",
            Self::Stickers => "DELETE FROM stickers WHERE guild = ? AND id = ?",
            Self::Sounds => "DELETE FROM sounds WHERE guild = ? AND id = ?",
            Self::ScheduledEvents => "DELETE FROM scheduled_events WHERE guild = ? AND id = ?",
            Self::Stages => "DELETE FROM stages WHERE guild = ? AND channel = ?",
            Self::Bans => "DELETE FROM bans WHERE guild = ? AND user = ?",
        }
    }
}

fn row(change: &Change) -> Result<Row, RepoError> {
    let put = |table, id, document| Row::Put { table, id, document };
    Ok(match change {
        Change::Settings(settings) => Row::Settings(document(settings)?),
        Change::DeleteGuild => Row::DeleteGuild,
        Change::PutChannel(channel) => put(Table::Channels, key(channel.id), document(channel)?),
        Change::DeleteChannel(id) => Row::Delete { table: Table::Channels, id: key(*id) },
        Change::PutThread(thread) => put(Table::Threads, key(thread.id), document(thread)?),
        Change::DeleteThread(id) => Row::Delete { table: Table::Threads, id: key(*id) },
        Change::PutThreadMember(thread, member) => {
            let document = document(member)?;
            Row::PutThreadMember { thread: key(*thread), user: key(member.user), document }
        }
        Change::DeleteThreadMember(thread, user) => {
            Row::DeleteThreadMember { thread: key(*thread), user: key(*user) }
        }
        Change::PutRole(role) => put(Table::Roles, key(role.id), document(role)?),
        Change::DeleteRole(id) => Row::Delete { table: Table::Roles, id: key(*id) },
        Change::PutMember(member) => put(Table::Members, key(member.user), document(member)?),
        Change::DeleteMember(user) => Row::Delete { table: Table::Members, id: key(*user) },
        Change::PutJoinRequest(request) => Row::PutJoinRequest(join_requests::Row::of(request)?),
        Change::DeleteJoinRequest(user) => Row::DeleteJoinRequest { user: key(*user) },
        Change::PutBan(ban) => put(Table::Bans, key(ban.user), document(ban)?),
        Change::DeleteBan(user) => Row::Delete { table: Table::Bans, id: key(*user) },
        Change::PutEmoji(emoji) => put(Table::Emojis, key(emoji.id), document(emoji)?),
        Change::DeleteEmoji(id) => Row::Delete { table: Table::Emojis, id: key(*id) },
        Change::PutRule(rule) => put(Table::Rules, key(rule.record.id), document(&rule.record)?),
        Change::DeleteRule(id) => Row::Delete { table: Table::Rules, id: key(*id) },
        Change::PutSticker(sticker) => put(Table::Stickers, key(sticker.id), document(sticker)?),
        Change::DeleteSticker(id) => Row::Delete { table: Table::Stickers, id: key(*id) },
        Change::PutSound(sound) => put(Table::Sounds, key(sound.id), document(sound)?),
        Change::DeleteSound(id) => Row::Delete { table: Table::Sounds, id: key(*id) },
        Change::PutScheduledEvent(event) => {
            put(Table::ScheduledEvents, key(event.id), document(event)?)
        }
        Change::DeleteScheduledEvent(id) => {
            Row::Delete { table: Table::ScheduledEvents, id: key(*id) }
        }
        Change::PutInterest(id, user) => Row::PutInterest { event: key(*id), user: key(*user) },
        Change::DeleteInterest(id, user) => {
            Row::DeleteInterest { event: key(*id), user: key(*user) }
        }
        Change::PutStage(stage) => put(Table::Stages, key(stage.channel), document(stage)?),
        Change::DeleteStage(id) => Row::Delete { table: Table::Stages, id: key(*id) },
        Change::Log(entry) => Row::Log(audit::Row::of(entry)?),
    })
}

/// The rows of a whole new guild.
fn rows(guild: &Guild) -> Result<Vec<Row>, RepoError> {
    let roles = guild.roles.values().cloned().map(Change::PutRole);
    let channels = guild.channels.values().cloned().map(Change::PutChannel);
    let members = guild.members.values().map(Change::PutMember);
    let bans = guild.bans.values().cloned().map(Change::PutBan);
    roles.chain(channels).chain(members).chain(bans).map(|change| row(&change)).collect()
}

async fn write(
    connection: &mut SqliteConnection,
    guild: i64,
    rows: Vec<Row>,
) -> Result<(), RepoError> {
    for row in rows {
        match row {
            Row::Put { table, id, document } => {
                let query = sqlx::query(table.put()).bind(guild).bind(id).bind(document);
                query.execute(&mut *connection).await.map_err(failed)?;
            }
            Row::Delete { table, id } => {
                let query = sqlx::query(table.delete()).bind(guild).bind(id);
                query.execute(&mut *connection).await.map_err(failed)?;
                match table {
                    Table::Channels | Table::Threads => {
                        forget_channel(connection, id).await.map_err(failed)?;
                    }
                    Table::Members => {
                        for leave in [
                            "DELETE FROM thread_members WHERE guild = ? AND user = ?",
                            "DELETE FROM scheduled_event_users WHERE guild = ? AND user = ?",
                        ] {
                            let query = sqlx::query(leave).bind(guild).bind(id);
                            query.execute(&mut *connection).await.map_err(failed)?;
                        }
                        let withdrawn = join_requests::withdraw(connection, guild, id).await;
                        withdrawn.map_err(failed)?;
                    }
                    Table::Roles
                    | Table::Bans
                    | Table::Emojis
                    | Table::Stages
                    | Table::Rules
                    | Table::Stickers
                    | Table::Sounds
                    | Table::ScheduledEvents => {}
                }
            }
            Row::PutThreadMember { thread, user, document } => {
                let put = "INSERT OR REPLACE INTO thread_members (thread, guild, user, document)
                           VALUES (?, ?, ?, ?)";
                let query = sqlx::query(put).bind(thread).bind(guild).bind(user).bind(document);
                query.execute(&mut *connection).await.map_err(failed)?;
            }
            Row::DeleteThreadMember { thread, user } => {
                let leave = "DELETE FROM thread_members WHERE thread = ? AND user = ?";
                let query = sqlx::query(leave).bind(thread).bind(user);
                query.execute(&mut *connection).await.map_err(failed)?;
            }
            Row::PutInterest { event, user } => {
                let put = "INSERT OR IGNORE INTO scheduled_event_users (guild, event, user)
                           VALUES (?, ?, ?)";
                let query = sqlx::query(put).bind(guild).bind(event).bind(user);
                query.execute(&mut *connection).await.map_err(failed)?;
            }
            Row::DeleteInterest { event, user } => {
                let leave = "DELETE FROM scheduled_event_users
                             WHERE guild = ? AND event = ? AND user = ?";
                let query = sqlx::query(leave).bind(guild).bind(event).bind(user);
                query.execute(&mut *connection).await.map_err(failed)?;
            }
            Row::PutJoinRequest(request) => {
                request.write(connection, guild).await.map_err(failed)?;
            }
            Row::DeleteJoinRequest { user } => {
                join_requests::withdraw(connection, guild, user).await.map_err(failed)?;
            }
            Row::Settings(settings) => {
                let query = sqlx::query("UPDATE guilds SET settings = ? WHERE id = ?");
                let query = query.bind(settings).bind(guild);
                query.execute(&mut *connection).await.map_err(failed)?;
            }
            Row::Log(entry) => entry.write(connection).await.map_err(failed)?,
            Row::DeleteGuild => forget_guild(connection, guild).await.map_err(failed)?,
        }
    }
    Ok(())
}

/// What hangs on a channel goes with it; its history later, see `purge`.
async fn forget_channel(connection: &mut SqliteConnection, id: i64) -> Result<(), sqlx::Error> {
    let query = sqlx::query("DELETE FROM invites WHERE channel = ?").bind(id);
    query.execute(&mut *connection).await?;
    let query = sqlx::query("DELETE FROM stream_keys WHERE channel = ?").bind(id);
    query.execute(&mut *connection).await?;
    for statement in [
        "DELETE FROM webhooks WHERE channel = ?1",
        "DELETE FROM webhooks WHERE source = ?1",
        "DELETE FROM crossposts WHERE channel = ?1",
        "DELETE FROM stages WHERE channel = ?1",
    ] {
        sqlx::query(statement).bind(id).execute(&mut *connection).await?;
    }
    let query = sqlx::query("INSERT OR IGNORE INTO purges (channel) VALUES (?)").bind(id);
    query.execute(&mut *connection).await?;
    Ok(())
}

async fn forget_guild(connection: &mut SqliteConnection, id: i64) -> Result<(), sqlx::Error> {
    for statement in [
        "DELETE FROM invites WHERE guild = ?",
        "DELETE FROM webhooks WHERE guild = ?1
         OR source IN (SELECT id FROM channels WHERE guild = ?1)",
        "DELETE FROM crossposts WHERE channel IN (SELECT id FROM channels WHERE guild = ?)",
        "DELETE FROM notifications WHERE guild = ?",
        "DELETE FROM commands WHERE guild = ?",
        "DELETE FROM command_permissions WHERE guild = ?",
        "DELETE FROM stream_keys WHERE channel IN (SELECT id FROM channels WHERE guild = ?)",
        "INSERT OR IGNORE INTO purges (channel) SELECT id FROM channels WHERE guild = ?",
        "INSERT OR IGNORE INTO purges (channel) SELECT id FROM threads WHERE guild = ?",
        "DELETE FROM guilds WHERE id = ?",
    ] {
        sqlx::query(statement).bind(id).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn commit(
    connection: &mut SqliteConnection,
    guild: i64,
    version: i64,
    rows: Vec<Row>,
) -> Result<(), RepoError> {
    let query = sqlx::query("UPDATE guilds SET version = version + 1 WHERE id = ? AND version = ?");
    let done = query.bind(guild).bind(version).execute(&mut *connection).await.map_err(failed)?;
    if done.rows_affected() == 0 {
        let query = sqlx::query_scalar::<_, i64>("SELECT version FROM guilds WHERE id = ?");
        let found = query.bind(guild).fetch_optional(&mut *connection).await.map_err(failed)?;
        return Err(if found.is_some() { RepoError::Conflict } else { RepoError::NotFound });
    }
    write(connection, guild, rows).await
}

/// The newest message of each channel.
async fn newest(
    reader: &mut SqliteConnection,
    guilds: &mut BTreeMap<GuildId, Guild>,
) -> Result<(), RepoError> {
    let rows: Vec<(i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT guild, id, (SELECT m.id FROM messages m WHERE m.channel = channels.id
                            ORDER BY m.bucket DESC, m.id DESC LIMIT 1)
         FROM channels",
    )
    .fetch_all(reader)
    .await
    .map_err(failed)?;
    for (guild, channel, newest) in rows {
        if let (Some(guild), Some(newest)) = (guilds.get_mut(&row::id(guild)?), newest) {
            guild.newest.insert(row::id(channel)?, row::id(newest)?);
        }
    }
    Ok(())
}

#[async_trait]
impl GuildRepo for Database {
    async fn load(&self) -> Result<Vec<Guild>, RepoError> {
        // One transaction: all tables as of one moment.
        let mut reader = self.readers.begin().await.map_err(failed)?;
        let heads: Vec<(i64, i64, String)> =
            sqlx::query_as("SELECT id, version, settings FROM guilds")
                .fetch_all(&mut *reader)
                .await
                .map_err(failed)?;
        let mut guilds = BTreeMap::new();
        for (id, version, settings) in heads {
            let guild = Guild {
                id: row::id(id)?,
                version: u64::try_from(version).unwrap_or(0),
                settings: Arc::new(row::parse(&settings)?),
                roles: imbl::OrdMap::new(),
                channels: imbl::OrdMap::new(),
                threads: imbl::OrdMap::new(),
                members: state::members::Members::new(),
                bans: imbl::OrdMap::new(),
                emojis: imbl::OrdMap::new(),
                rules: imbl::OrdMap::new(),
                stickers: imbl::OrdMap::new(),
                sounds: imbl::OrdMap::new(),
                scheduled: imbl::OrdMap::new(),
                requests: imbl::OrdMap::new(),
                voice: imbl::HashMap::new(),
                live: imbl::HashMap::new(),
                stages: imbl::HashMap::new(),
                newest: imbl::HashMap::new(),
                presences: imbl::HashMap::new(),
            };
            guilds.insert(guild.id, guild);
        }
        each(&mut reader, "SELECT guild, document FROM roles", &mut guilds, |guild, role| {
            let Kept(role): Kept<model::wire::guild::Role> = role;
            guild.roles.insert(role.id, Arc::new(role));
        })
        .await?;
        each(&mut reader, "SELECT guild, document FROM channels", &mut guilds, |guild, channel| {
            let Kept(channel): Kept<model::wire::channel::Channel> = channel;
            guild.channels.insert(channel.id, Arc::new(channel));
        })
        .await?;
        threads(&mut reader, &mut guilds).await?;
        newest(&mut reader, &mut guilds).await?;
        each(&mut reader, "SELECT guild, document FROM members", &mut guilds, |guild, member| {
            let member: Arc<state::record::MemberRecord> = member;
            guild.members.insert(member.user, member);
        })
        .await?;
        each(&mut reader, "SELECT guild, document FROM bans", &mut guilds, |guild, ban| {
            let ban: Arc<state::record::BanRecord> = ban;
            guild.bans.insert(ban.user, ban);
        })
        .await?;
        each(&mut reader, "SELECT guild, document FROM emojis", &mut guilds, |guild, emoji| {
            let emoji: Arc<state::record::EmojiRecord> = emoji;
            guild.emojis.insert(emoji.id, emoji);
        })
        .await?;
        each(
            &mut reader,
            "SELECT guild, document FROM automod_rules",
            &mut guilds,
            |guild, rule| {
                let rule = Arc::new(state::automod::rule::Rule::kept(rule));
                guild.rules.insert(rule.record.id, rule);
            },
        )
        .await?;
        each(&mut reader, "SELECT guild, document FROM stickers", &mut guilds, |guild, sticker| {
            let sticker: Arc<state::record::StickerRecord> = sticker;
            guild.stickers.insert(sticker.id, sticker);
        })
        .await?;
        each(&mut reader, "SELECT guild, document FROM sounds", &mut guilds, |guild, sound| {
            let sound: Arc<state::record::SoundRecord> = sound;
            guild.sounds.insert(sound.id, sound);
        })
        .await?;
        scheduled(&mut reader, &mut guilds).await?;
        each(&mut reader, join_requests::OPEN, &mut guilds, |guild, request| {
            let request: Arc<JoinRequest> = request;
            guild.requests.insert(request.user, request);
        })
        .await?;
        each(&mut reader, "SELECT guild, document FROM stages", &mut guilds, |guild, stage| {
            let stage: Arc<state::voice::StageInstance> = stage;
            guild.stages.insert(stage.channel, stage);
        })
        .await?;
        Ok(guilds.into_values().collect())
    }

    async fn create(&self, guild: &Guild) -> Result<(), RepoError> {
        let id = key(guild.id);
        let version = row::signed(guild.version);
        let settings = document(&guild.settings)?;
        let rows = rows(guild)?;
        let work = self.writer.write("guild_create", move |connection| {
            Box::pin(async move {
                sqlx::query("INSERT INTO guilds (id, version, settings) VALUES (?, ?, ?)")
                    .bind(id)
                    .bind(version)
                    .bind(settings)
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                write(connection, id, rows).await
            })
        });
        work.await
    }

    async fn commit(&self, plan: &Plan) -> Result<(), RepoError> {
        let id = key(plan.guild);
        let version = row::signed(plan.version);
        let rows = plan.changes.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let work = self.writer.write("guild_commit", move |connection| {
            Box::pin(commit(connection, id, version, rows))
        });
        work.await
    }

    async fn log(&self, entry: &AuditEntry) -> Result<(), RepoError> {
        let row = audit::Row::of(entry)?;
        let work = self.writer.write("audit_log", move |connection| {
            Box::pin(async move { row.write(connection).await.map_err(failed) })
        });
        work.await
    }

    async fn audit_log(
        &self,
        guild: GuildId,
        query: &AuditQuery,
    ) -> Result<Vec<AuditEntry>, RepoError> {
        audit::page(&self.readers, guild, query).await
    }

    async fn join_requests(
        &self,
        guild: GuildId,
        query: &JoinRequestQuery,
    ) -> Result<(Vec<JoinRequest>, u64), RepoError> {
        join_requests::page(&self.readers, guild, query).await
    }
}

/// Gives every thread, with its members and counts, to its guild.
async fn threads(
    reader: &mut SqliteConnection,
    guilds: &mut BTreeMap<GuildId, Guild>,
) -> Result<(), RepoError> {
    let rows: Vec<(i64, String, i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT guild, document, messages, sent,
                (SELECT id FROM messages WHERE channel = threads.id
                 ORDER BY bucket DESC, id DESC LIMIT 1)
         FROM threads",
    )
    .fetch_all(&mut *reader)
    .await
    .map_err(failed)?;
    let count = |count: i64| u32::try_from(count.max(0)).unwrap_or(u32::MAX);
    for (guild, document, messages, sent, last) in rows {
        let Some(guild) = guilds.get_mut(&row::id(guild)?) else { continue };
        let mut thread = Thread::new(Arc::new(row::parse(&document)?));
        thread.counts = ThreadCounts {
            messages: count(messages),
            sent: count(sent),
            last_message: last.map(row::id).transpose()?,
        };
        guild.threads.insert(thread.record.id, Arc::new(thread));
    }
    let rows: Vec<(i64, i64, String)> =
        sqlx::query_as("SELECT guild, thread, document FROM thread_members")
            .fetch_all(reader)
            .await
            .map_err(failed)?;
    for (guild, thread, document) in rows {
        let Some(guild) = guilds.get_mut(&row::id(guild)?) else { continue };
        if let Some(thread) = guild.threads.get_mut(&row::id(thread)?) {
            let member: ThreadMember = row::parse(&document)?;
            Arc::make_mut(thread).members.insert(member.user, member);
        }
    }
    Ok(())
}

/// Gives every scheduled event, with those who are interested, to its guild.
async fn scheduled(
    reader: &mut SqliteConnection,
    guilds: &mut BTreeMap<GuildId, Guild>,
) -> Result<(), RepoError> {
    each(reader, "SELECT guild, document FROM scheduled_events", guilds, |guild, event| {
        let event: Arc<ScheduledEventRecord> = event;
        guild.scheduled.insert(event.id, Arc::new(Scheduled::new(event)));
    })
    .await?;
    let rows: Vec<(i64, i64, i64)> =
        sqlx::query_as("SELECT guild, event, user FROM scheduled_event_users")
            .fetch_all(reader)
            .await
            .map_err(failed)?;
    for (guild, event, user) in rows {
        let Some(guild) = guilds.get_mut(&row::id(guild)?) else { continue };
        if let Some(event) = guild.scheduled.get_mut(&row::id(event)?) {
            Arc::make_mut(event).interested.insert(row::id(user)?);
        }
    }
    Ok(())
}

/// Gives every document of a table to its guild.
async fn each<T: DeserializeOwned>(
    reader: &mut SqliteConnection,
    select: &'static str,
    guilds: &mut BTreeMap<GuildId, Guild>,
    put: impl Fn(&mut Guild, T),
) -> Result<(), RepoError> {
    // One by one: a million documents at once would be most of what the process ever takes.
    let mut rows = sqlx::query_as::<_, (i64, String)>(select).fetch(reader);
    while let Some((guild, document)) = rows.try_next().await.map_err(failed)? {
        if let Some(guild) = guilds.get_mut(&row::id(guild)?) {
            put(guild, row::parse(&document)?);
        }
    }
    Ok(())
}
