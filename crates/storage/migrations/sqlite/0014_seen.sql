-- When each account last had a session, in Unix milliseconds, exact to a few hours. Of those who are
-- here already nobody knows: now, so that nobody is taken for long gone.
CREATE TABLE seen (
    user INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT;

INSERT INTO seen (user, at) SELECT id, unixepoch() * 1000 FROM accounts;
