-- SET_VOICE_CHANNEL_STATUS (bit 48) was not kept until now, and everybody in a channel had it: Discord's
-- default for `@everyone`, whose role has the guild's id.
UPDATE roles SET document = json_set(
    document,
    '$.permissions',
    CAST(CAST(json_extract(document, '$.permissions') AS INTEGER) | 281474976710656 AS TEXT)
)
WHERE id = guild;
