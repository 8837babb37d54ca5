-- What guilds can be founded like.
CREATE TABLE templates (
    code     TEXT    PRIMARY KEY,
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    uses     INTEGER NOT NULL,
    document TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX templates_of_guild ON templates (guild);

-- The announcement channel that a webhook follows.
ALTER TABLE webhooks ADD COLUMN source INTEGER;
CREATE INDEX webhooks_of_source ON webhooks (source, id) WHERE source IS NOT NULL;

-- Which messages came of a published one.
CREATE TABLE crossposts (
    channel    INTEGER NOT NULL,
    message    INTEGER NOT NULL,
    to_channel INTEGER NOT NULL,
    to_message INTEGER NOT NULL,
    PRIMARY KEY (channel, message, to_channel, to_message)
) STRICT, WITHOUT ROWID;
