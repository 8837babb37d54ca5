-- Bots' commands; guild 0 is every guild.
CREATE TABLE commands (
    application INTEGER NOT NULL,
    id          INTEGER NOT NULL,
    guild       INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    document    TEXT    NOT NULL,
    PRIMARY KEY (application, id),
    UNIQUE (application, guild, kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX commands_of_guild ON commands (guild);

-- What guilds say of who may use a command; the application's own number is all of its commands.
CREATE TABLE command_permissions (
    application INTEGER NOT NULL,
    guild       INTEGER NOT NULL,
    command     INTEGER NOT NULL,
    document    TEXT    NOT NULL,
    PRIMARY KEY (application, guild, command)
) STRICT, WITHOUT ROWID;
CREATE INDEX command_permissions_of_guild ON command_permissions (guild);

CREATE TABLE webhooks (
    id       INTEGER PRIMARY KEY,
    guild    INTEGER NOT NULL,
    channel  INTEGER NOT NULL,
    document TEXT    NOT NULL
) STRICT;
CREATE INDEX webhooks_of_guild ON webhooks (guild, id);
CREATE INDEX webhooks_of_channel ON webhooks (channel, id);
