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
