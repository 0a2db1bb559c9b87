-- Several stations on one database. Every *_ms is milliseconds since 1970 by a station's clock.

-- When each of them heard the broker last; the one that is alone has no name.
CREATE TABLE instance (
    name TEXT PRIMARY KEY,
    heard_ms BIGINT NOT NULL
);
INSERT INTO instance (name, heard_ms) SELECT '', heard_ms FROM station;

-- When a word was sent last: none of them sends it again too soon.
ALTER TABLE word ADD COLUMN sent_ms BIGINT;

-- When orders were heard: what was heard earlier and is filed later does not replace them.
ALTER TABLE camera ADD COLUMN orders_ms BIGINT;
