-- Who inserts a message inserts what can be searched of it (sql/messages.rs): reading the document that
-- was written just now, twice and a dozen times each, cost more than all else of an insert.
DROP TRIGGER search_insert;
