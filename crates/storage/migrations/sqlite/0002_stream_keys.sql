-- Tokens for one voice channel and one direction.
CREATE TABLE stream_keys (
    hash     BLOB    PRIMARY KEY,
    id       INTEGER NOT NULL UNIQUE,
    channel  INTEGER NOT NULL,
    document TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX stream_keys_of_channel ON stream_keys (channel, id);
