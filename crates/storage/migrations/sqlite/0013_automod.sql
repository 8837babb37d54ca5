-- Rules of auto moderation.
CREATE TABLE automod_rules (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    id       INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, id)
) STRICT, WITHOUT ROWID;
