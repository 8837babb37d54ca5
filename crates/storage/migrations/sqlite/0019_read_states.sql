-- How far people have read: channels, and other things by their kind (0 is a channel).
CREATE TABLE read_states (
    user        INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    resource    INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    flags       INTEGER NOT NULL,
    last_viewed INTEGER,            -- days since 2015
    pins_ms     INTEGER,            -- up to which pins are seen
    PRIMARY KEY (user, kind, resource)
) STRICT, WITHOUT ROWID;
CREATE INDEX read_states_of_resource ON read_states (resource) WHERE kind = 0;

-- Whom each message notifies, so that what is unread is counted when somebody asks and nothing is
-- written for each person. A target is a person's id, a role's id made negative, or 0 for everyone.
CREATE TABLE mentions (
    channel INTEGER NOT NULL,
    target  INTEGER NOT NULL,
    message INTEGER NOT NULL,
    author  INTEGER NOT NULL,
    PRIMARY KEY (channel, target, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_of_message ON mentions (channel, message);

INSERT OR IGNORE INTO mentions (channel, target, message, author)
SELECT said.channel, CAST(people.value AS INTEGER), said.id,
    CAST(json_extract(said.document, '$.author') AS INTEGER)
FROM messages AS said, json_each(said.document, '$.mentions') AS people
UNION ALL
SELECT said.channel, -CAST(roles.value AS INTEGER), said.id,
    CAST(json_extract(said.document, '$.author') AS INTEGER)
FROM messages AS said, json_each(said.document, '$.mention_roles') AS roles
UNION ALL
SELECT said.channel, 0, said.id, CAST(json_extract(said.document, '$.author') AS INTEGER)
FROM messages AS said WHERE json_extract(said.document, '$.mention_everyone');

CREATE TRIGGER mention_insert AFTER INSERT ON messages BEGIN
    INSERT OR IGNORE INTO mentions (channel, target, message, author)
    SELECT new.channel, CAST(value AS INTEGER), new.id,
        CAST(json_extract(new.document, '$.author') AS INTEGER)
    FROM json_each(new.document, '$.mentions')
    UNION ALL
    SELECT new.channel, -CAST(value AS INTEGER), new.id,
        CAST(json_extract(new.document, '$.author') AS INTEGER)
    FROM json_each(new.document, '$.mention_roles')
    UNION ALL
    SELECT new.channel, 0, new.id, CAST(json_extract(new.document, '$.author') AS INTEGER)
    WHERE json_extract(new.document, '$.mention_everyone');
END;

CREATE TRIGGER mention_delete AFTER DELETE ON messages BEGIN
    DELETE FROM mentions WHERE channel = old.channel AND message = old.id;
END;

CREATE TRIGGER mention_update AFTER UPDATE OF document ON messages BEGIN
    DELETE FROM mentions WHERE channel = old.channel AND message = old.id;
    INSERT OR IGNORE INTO mentions (channel, target, message, author)
    SELECT new.channel, CAST(value AS INTEGER), new.id,
        CAST(json_extract(new.document, '$.author') AS INTEGER)
    FROM json_each(new.document, '$.mentions')
    UNION ALL
    SELECT new.channel, -CAST(value AS INTEGER), new.id,
        CAST(json_extract(new.document, '$.author') AS INTEGER)
    FROM json_each(new.document, '$.mention_roles')
    UNION ALL
    SELECT new.channel, 0, new.id, CAST(json_extract(new.document, '$.author') AS INTEGER)
    WHERE json_extract(new.document, '$.mention_everyone');
END;

-- Of what people want to be notified: in a guild, or with 0 in their private channels.
CREATE TABLE notifications (
    user     INTEGER NOT NULL,
    guild    INTEGER NOT NULL,
    document TEXT    NOT NULL,
    PRIMARY KEY (user, guild)
) STRICT, WITHOUT ROWID;
CREATE INDEX notifications_of_guild ON notifications (guild);
