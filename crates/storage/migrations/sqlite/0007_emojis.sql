-- The emojis that guilds made; their pictures are objects.
CREATE TABLE emojis (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    id       INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, id)
) STRICT, WITHOUT ROWID;
