-- Reports and allegations: documents under optimistic versions. What people wrote stands in them sealed; the keys that
-- open it lie in another file, which no backup copies.

CREATE TABLE reports (
    ordinal    INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    version    INTEGER NOT NULL,
    allegation TEXT NOT NULL,
    locator    BLOB NOT NULL UNIQUE CHECK (length(locator) = 16),
    repeated   BLOB NOT NULL UNIQUE CHECK (length(repeated) = 32),
    document   TEXT NOT NULL
) STRICT;

CREATE INDEX reports_by_allegation ON reports (allegation, ordinal);

CREATE TRIGGER reports_stay BEFORE DELETE ON reports
BEGIN SELECT raise(ABORT, 'a report never goes; an erased one is a tombstone'); END;
CREATE TRIGGER reports_keep_what_they_are BEFORE UPDATE OF id, allegation, locator, repeated ON reports
BEGIN SELECT raise(ABORT, 'a report keeps its allegation, receipt and repeat digest'); END;

CREATE TABLE allegations (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    version  INTEGER NOT NULL,
    open     INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE INDEX allegations_open ON allegations (open, ordinal);

CREATE TABLE report_readings (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    report  TEXT NOT NULL,
    reader  TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

CREATE INDEX report_readings_by_report ON report_readings (report, ordinal);

CREATE TRIGGER report_readings_stay_as_they_are BEFORE UPDATE ON report_readings
BEGIN SELECT raise(ABORT, 'a reading never changes'); END;
CREATE TRIGGER report_readings_stay BEFORE DELETE ON report_readings
BEGIN SELECT raise(ABORT, 'a reading never goes'); END;
