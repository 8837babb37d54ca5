-- Who asked to become a full member of a guild that screens its newcomers, and what came of it: 0 begun,
-- 1 to be reviewed, 2 rejected, 3 approved.
CREATE TABLE join_requests (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    id       INTEGER NOT NULL,
    user     INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX join_requests_of_user ON join_requests (guild, user);
