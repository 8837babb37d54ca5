-- What two people are to each other: a row for each side (1 friend, 2 blocked, 3 asked, 4 was asked).
CREATE TABLE relationships (
    user     INTEGER NOT NULL,
    other    INTEGER NOT NULL,
    bond     INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    nickname TEXT,
    PRIMARY KEY (user, other)
) STRICT, WITHOUT ROWID;

-- Private channels of more than two people.
CREATE TABLE groups (
    id       INTEGER PRIMARY KEY,
    document TEXT    NOT NULL
) STRICT;

CREATE TABLE group_members (
    user  INTEGER NOT NULL,
    id    INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_of_group ON group_members (id);
