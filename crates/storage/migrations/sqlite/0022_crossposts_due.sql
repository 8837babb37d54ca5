-- Published messages of which copies in other channels are to be made, changed or emptied.
CREATE TABLE crossposts_due (
    nth     INTEGER PRIMARY KEY AUTOINCREMENT,
    channel INTEGER NOT NULL,
    message INTEGER NOT NULL
) STRICT;
