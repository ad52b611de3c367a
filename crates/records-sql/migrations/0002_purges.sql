-- Purges of cached copies: the latest ones, under revisions that only rise.

CREATE TABLE purges (
    revision INTEGER PRIMARY KEY,
    site     TEXT NOT NULL,
    target   TEXT NOT NULL,
    soft     INTEGER NOT NULL CHECK (soft IN (0, 1)),
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL
) STRICT;

CREATE INDEX purges_by_site ON purges (site, revision);

CREATE TRIGGER purges_stay_as_they_are BEFORE UPDATE ON purges
BEGIN SELECT raise(ABORT, 'a purge never changes'); END;

-- The last revision given, and the one before which no window begins any more.
CREATE TABLE purge_state (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL,
    floor    INTEGER NOT NULL CHECK (floor <= revision)
) STRICT;

INSERT INTO purge_state (one, revision, floor) VALUES (1, 0, 0);

CREATE TRIGGER purge_revisions_only_rise BEFORE UPDATE ON purge_state
WHEN NEW.revision < OLD.revision OR NEW.floor < OLD.floor
BEGIN SELECT raise(ABORT, 'revisions of purges only rise'); END;
CREATE TRIGGER purge_state_stays BEFORE DELETE ON purge_state
BEGIN SELECT raise(ABORT, 'the state of purges never goes'); END;
