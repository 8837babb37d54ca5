-- Threads, counted as their messages are stored and deleted.
CREATE TABLE threads (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    id       INTEGER PRIMARY KEY,
    document TEXT    NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0, -- that are there, but for the first
    sent     INTEGER NOT NULL DEFAULT 0  -- that ever were, but for the first
) STRICT;
CREATE INDEX threads_of_guild ON threads (guild);

CREATE TABLE thread_members (
    thread   INTEGER NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    guild    INTEGER NOT NULL,
    user     INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (thread, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_members_of_user ON thread_members (guild, user);

CREATE TABLE poll_votes (
    channel INTEGER NOT NULL,
    message INTEGER NOT NULL,
    answer  INTEGER NOT NULL,
    user    INTEGER NOT NULL,
    PRIMARY KEY (channel, message, answer, user)
) STRICT, WITHOUT ROWID;

-- Polls whose votes are still to be counted.
CREATE TABLE open_polls (
    channel INTEGER NOT NULL,
    message INTEGER NOT NULL,
    ends_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_polls_by_end ON open_polls (ends_ms);
