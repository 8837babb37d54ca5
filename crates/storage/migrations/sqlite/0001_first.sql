-- Shapes of ours that evolve are JSON documents (serde fills what older rows lack); columns are
-- what is looked up, ordered by or guarded. Snowflakes are below 2^63 until the year 2084.

CREATE TABLE guilds (
    id       INTEGER PRIMARY KEY,
    version  INTEGER NOT NULL,
    settings TEXT    NOT NULL
) STRICT;

CREATE TABLE roles (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    id       INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE channels (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    id       INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    user     INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE bans (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    user     INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id           INTEGER PRIMARY KEY,
    username_key TEXT    NOT NULL UNIQUE, -- lower case, by Unicode's rules, which SQLite lacks
    document     TEXT    NOT NULL,
    password     TEXT,
    owner        INTEGER NOT NULL,
    disabled     INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    hash       BLOB    PRIMARY KEY,
    user       INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_of_user ON tokens (user);

CREATE TABLE applications (
    id       INTEGER PRIMARY KEY,
    document TEXT    NOT NULL
) STRICT;

CREATE TABLE invites (
    code     TEXT    PRIMARY KEY,
    guild    INTEGER,
    channel  INTEGER,
    uses     INTEGER NOT NULL, -- the one that counts; the document's is as of its making
    document TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invites_of_guild ON invites (guild);
CREATE INDEX invites_of_channel ON invites (channel);

CREATE TABLE privates (
    id   INTEGER PRIMARY KEY,
    low  INTEGER NOT NULL,
    high INTEGER NOT NULL,
    UNIQUE (low, high)
) STRICT;
CREATE INDEX privates_of_high ON privates (high);

-- Keyed as a wide-column store would be: a bucket is ten days of a channel.
CREATE TABLE messages (
    channel  INTEGER NOT NULL,
    bucket   INTEGER NOT NULL,
    id       INTEGER NOT NULL,
    pinned   INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (channel, bucket, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pins ON messages (channel, id) WHERE pinned = 1;

CREATE TABLE nonces (
    channel INTEGER NOT NULL,
    author  INTEGER NOT NULL,
    nonce   TEXT    NOT NULL,
    message INTEGER NOT NULL,
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, author, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_age ON nonces (made_ms);

CREATE TABLE reactions (
    channel    INTEGER NOT NULL,
    message    INTEGER NOT NULL,
    emoji_id   INTEGER NOT NULL, -- 0 is none
    emoji_name TEXT    NOT NULL,
    user       INTEGER NOT NULL,
    place      INTEGER NOT NULL, -- of the emoji among those of the message, by first giving
    PRIMARY KEY (channel, message, emoji_id, emoji_name, user)
) STRICT, WITHOUT ROWID;

-- Deleted channels whose history is still to be deleted, a little at a time.
CREATE TABLE purges (
    channel INTEGER PRIMARY KEY
) STRICT;
