-- The queue of outgoing mail: documents under optimistic versions. `due` is the next try of one that waits, `over`
-- the end of one that was sent or given up.

CREATE TABLE mails (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    version  INTEGER NOT NULL,
    due      INTEGER,
    over     INTEGER,
    dead     INTEGER NOT NULL CHECK (dead IN (0, 1)),
    document TEXT NOT NULL CHECK (json_valid(document)),
    CHECK ((due IS NULL) = (over IS NOT NULL))
) STRICT;

CREATE INDEX mails_due ON mails (due) WHERE due IS NOT NULL;
CREATE INDEX mails_dead ON mails (ordinal) WHERE dead = 1;

-- Where a customer is told of decisions.

ALTER TABLE accounts ADD COLUMN mail TEXT;
