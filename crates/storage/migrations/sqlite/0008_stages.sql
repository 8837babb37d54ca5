-- The stages that are on: one a channel at most.
CREATE TABLE stages (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    channel  INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, channel)
) STRICT, WITHOUT ROWID;
