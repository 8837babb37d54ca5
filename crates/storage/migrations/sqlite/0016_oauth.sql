-- What people allowed applications; ends as a whole.
CREATE TABLE grants (
    id          INTEGER PRIMARY KEY,
    application INTEGER NOT NULL,
    user        INTEGER NOT NULL,
    until_ms    INTEGER NOT NULL, -- when the last of its secrets expires
    document    TEXT    NOT NULL
) STRICT;
CREATE INDEX grants_of_user ON grants (user, application, id);
CREATE INDEX grants_of_application ON grants (application, user);
CREATE INDEX grants_by_end ON grants (until_ms);

-- Codes and tokens, by the hash of each. Spent ones are kept: whoever shows one again has stolen it,
-- or was stolen from.
CREATE TABLE grant_secrets (
    hash       BLOB    PRIMARY KEY,
    grant_id   INTEGER NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    kind       INTEGER NOT NULL, -- 0 code, 1 access, 2 refresh
    spent      INTEGER NOT NULL,
    made_ms    INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX secrets_of_grant ON grant_secrets (grant_id, made_ms);
