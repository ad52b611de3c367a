-- Subscriptions of the public record: documents under optimistic versions. `address` is a keyed digest, the address itself
-- is sealed within the document, and its key lies among the keys of reports. `place` orders those of a stage.

CREATE TABLE subscriptions (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    version  INTEGER NOT NULL,
    address  BLOB NOT NULL CHECK (length(address) = 32),
    stage    TEXT NOT NULL CHECK (stage IN ('asked', 'mailed', 'confirmed')),
    place    INTEGER NOT NULL,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT;

CREATE INDEX subscriptions_address ON subscriptions (address);
CREATE INDEX subscriptions_stage ON subscriptions (stage, place);
