-- What people's clients keep for themselves: 0 is a JSON object, others are opaque.
CREATE TABLE settings (
    user  INTEGER NOT NULL,
    kind  INTEGER NOT NULL,
    value BLOB    NOT NULL,
    PRIMARY KEY (user, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (
    user  INTEGER NOT NULL,
    about INTEGER NOT NULL,
    note  TEXT    NOT NULL,
    PRIMARY KEY (user, about)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles (
    user     INTEGER PRIMARY KEY,
    document TEXT    NOT NULL
) STRICT;
