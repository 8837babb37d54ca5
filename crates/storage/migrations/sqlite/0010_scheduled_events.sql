-- What guilds plan, and who wants to come.
CREATE TABLE scheduled_events (
    guild    INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    id       INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (guild, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE scheduled_event_users (
    guild INTEGER NOT NULL,
    event INTEGER NOT NULL,
    user  INTEGER NOT NULL,
    PRIMARY KEY (guild, event, user),
    FOREIGN KEY (guild, event) REFERENCES scheduled_events (guild, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX scheduled_event_users_by_user ON scheduled_event_users (guild, user);
