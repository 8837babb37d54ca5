-- Whom an invite is for, where it is not for everybody.
CREATE TABLE invite_targets (
    code TEXT    NOT NULL REFERENCES invites (code) ON DELETE CASCADE,
    user INTEGER NOT NULL,
    PRIMARY KEY (code, user)
) STRICT, WITHOUT ROWID;
