-- Emojis of applications, which belong to no guild; their pictures are objects.
CREATE TABLE application_emojis (
    id          INTEGER PRIMARY KEY,
    application INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    document    TEXT    NOT NULL,
    UNIQUE (application, name)
) STRICT;
CREATE INDEX emojis_of_application ON application_emojis (application, id);

-- What an application says that it knows of a person, for roles that ask for it.
CREATE TABLE role_connections (
    application INTEGER NOT NULL,
    user        INTEGER NOT NULL,
    document    TEXT    NOT NULL,
    PRIMARY KEY (application, user)
) STRICT, WITHOUT ROWID;
