-- All that a new message writes, so that one statement inserts however many there are: whoever runs a
-- statement on SQLite's thread waits for it by itself. What can be searched of a message is not among it, for
-- an index is dearer to change for each message than for many: `unsearched` says from which message on a
-- channel's are still to be put there (sql/unsearched.rs).
CREATE TABLE unsearched (
    channel INTEGER PRIMARY KEY,
    bucket  INTEGER NOT NULL,
    id      INTEGER NOT NULL
) STRICT;

-- Who inserts a message says whom it mentions: reading its document for that, five times, cost more than
-- writing it.
DROP TRIGGER mention_insert;

CREATE VIEW new_messages AS
SELECT channel, bucket, id, pinned, document,
    NULL AS author,
    NULL AS mentioned,   -- as in `mentions`, a list
    NULL AS counted,     -- whether a thread counts it
    NULL AS poll_ends_ms,
    NULL AS marked,      -- whether `unsearched` is to name it
    NULL AS nonce,
    NULL AS made_ms,
    NULL AS forgotten_ms -- nonces as old as that are forgotten
FROM messages;

CREATE TRIGGER new_message INSTEAD OF INSERT ON new_messages BEGIN
    INSERT INTO messages (channel, bucket, id, pinned, document)
    VALUES (new.channel, new.bucket, new.id, new.pinned, new.document);
    INSERT INTO unsearched (channel, bucket, id)
    SELECT new.channel, new.bucket, new.id WHERE new.marked
    ON CONFLICT (channel) DO UPDATE SET bucket = excluded.bucket, id = excluded.id
    WHERE excluded.id < unsearched.id;
    INSERT OR IGNORE INTO mentions (channel, target, message, author)
    SELECT new.channel, value, new.id, new.author FROM json_each(new.mentioned);
    UPDATE threads SET messages = messages + 1, sent = sent + 1
    WHERE id = new.channel AND new.counted;
    INSERT INTO open_polls (channel, message, ends_ms)
    SELECT new.channel, new.id, new.poll_ends_ms WHERE new.poll_ends_ms IS NOT NULL;
    DELETE FROM nonces WHERE made_ms <= new.forgotten_ms;
    INSERT OR REPLACE INTO nonces (channel, author, nonce, message, made_ms)
    SELECT new.channel, new.author, new.nonce, new.id, new.made_ms WHERE new.nonce IS NOT NULL;
END;

-- The same for what can be searched of a message.
CREATE VIEW new_searched AS
SELECT channel, id, author, pinned, has, NULL AS content, NULL AS mentions FROM searched;

CREATE TRIGGER new_searched INSTEAD OF INSERT ON new_searched BEGIN
    INSERT INTO searched (channel, id, author, pinned, has)
    VALUES (new.channel, new.id, new.author, new.pinned, new.has);
    INSERT INTO searched_words (rowid, content, mentions)
    VALUES (last_insert_rowid(), new.content, new.mentions);
END;
