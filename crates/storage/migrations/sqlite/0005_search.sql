-- What can be searched of each message, kept by triggers: in step with the messages whatever
-- changes them, and filled here from those that are there. `has` are the bits of
-- `state::search::Contents`.
CREATE TABLE searched (
    row     INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    author  INTEGER NOT NULL,
    pinned  INTEGER NOT NULL,
    has     INTEGER NOT NULL,
    UNIQUE (channel, id)
) STRICT;
CREATE INDEX searched_by_author ON searched (author, id);

-- The words alone; the texts are in the messages. People, roles and everyone who are mentioned
-- are words of `mentions`: u1, r2, everyone.
CREATE VIRTUAL TABLE searched_words USING fts5 (
    content, mentions,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

CREATE VIEW searchable AS
SELECT
    channel, id, pinned,
    json_extract(document, '$.author') AS author,
    json_extract(document, '$.content') AS content,
    concat_ws(' ',
        (SELECT group_concat('u' || value, ' ') FROM json_each(document, '$.mentions')),
        (SELECT group_concat('r' || value, ' ') FROM json_each(document, '$.mention_roles')),
        iif(json_extract(document, '$.mention_everyone'), 'everyone', NULL)) AS mentions,
    -- Shifts and ors rank alike in SQLite: hence the brackets.
    (json_extract(document, '$.content') LIKE '%http://%'
        OR json_extract(document, '$.content') LIKE '%https://%')
    | ((json_array_length(document, '$.embeds') > 0) << 1)
    | ((json_array_length(document, '$.attachments') > 0) << 2)
    | (EXISTS (SELECT 1 FROM json_each(document, '$.attachments')
        WHERE json_extract(value, '$.content_type') LIKE 'image/%') << 3)
    | (EXISTS (SELECT 1 FROM json_each(document, '$.attachments')
        WHERE json_extract(value, '$.content_type') LIKE 'video/%') << 4)
    | (EXISTS (SELECT 1 FROM json_each(document, '$.attachments')
        WHERE json_extract(value, '$.content_type') LIKE 'audio/%') << 5)
    | ((json_extract(document, '$.poll') IS NOT NULL) << 6)
    | ((coalesce(json_array_length(document, '$.snapshots'), 0) > 0) << 7) AS has,
    bucket
FROM messages
WHERE json_extract(document, '$.kind') IN (0, 19, 20, 23);

INSERT INTO searched (channel, id, author, pinned, has)
SELECT channel, id, CAST(author AS INTEGER), pinned, has FROM searchable;
INSERT INTO searched_words (rowid, content, mentions)
SELECT searched.row, searchable.content, searchable.mentions
FROM searchable JOIN searched USING (channel, id);

CREATE TRIGGER search_insert AFTER INSERT ON messages BEGIN
    INSERT INTO searched (channel, id, author, pinned, has)
    SELECT channel, id, CAST(author AS INTEGER), pinned, has FROM searchable
    WHERE channel = new.channel AND bucket = new.bucket AND id = new.id;
    INSERT INTO searched_words (rowid, content, mentions)
    SELECT searched.row, searchable.content, searchable.mentions
    FROM searchable JOIN searched USING (channel, id)
    WHERE channel = new.channel AND bucket = new.bucket AND id = new.id;
END;

CREATE TRIGGER search_delete AFTER DELETE ON messages BEGIN
    DELETE FROM searched_words
    WHERE rowid = (SELECT row FROM searched WHERE channel = old.channel AND id = old.id);
    DELETE FROM searched WHERE channel = old.channel AND id = old.id;
END;

CREATE TRIGGER search_update AFTER UPDATE ON messages BEGIN
    DELETE FROM searched_words
    WHERE rowid = (SELECT row FROM searched WHERE channel = old.channel AND id = old.id);
    DELETE FROM searched WHERE channel = old.channel AND id = old.id;
    INSERT INTO searched (channel, id, author, pinned, has)
    SELECT channel, id, CAST(author AS INTEGER), pinned, has FROM searchable
    WHERE channel = new.channel AND bucket = new.bucket AND id = new.id;
    INSERT INTO searched_words (rowid, content, mentions)
    SELECT searched.row, searchable.content, searchable.mentions
    FROM searchable JOIN searched USING (channel, id)
    WHERE channel = new.channel AND bucket = new.bucket AND id = new.id;
END;
