-- Everything the control plane keeps. Ids are text as people see them, digests are 32-byte blobs, instants
-- are milliseconds since 1970-01-01 UTC. What must never change is held by triggers, whoever writes.

-- Accounts and sites, and every revision of them.

CREATE TABLE accounts (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sites (
    id       TEXT PRIMARY KEY,
    account  TEXT NOT NULL REFERENCES accounts (id),
    revision INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE INDEX sites_by_account ON sites (account);

CREATE TABLE site_hosts (
    pattern TEXT PRIMARY KEY,
    site    TEXT NOT NULL REFERENCES sites (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX site_hosts_by_site ON site_hosts (site);

CREATE TABLE revisions (
    revision INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    touched  INTEGER NOT NULL
) STRICT;

CREATE TRIGGER revisions_are_contiguous BEFORE INSERT ON revisions
WHEN NEW.revision IS NOT (SELECT coalesce(max(revision), 0) + 1 FROM revisions)
BEGIN SELECT raise(ABORT, 'revisions are contiguous'); END;
CREATE TRIGGER revisions_stay_as_they_are BEFORE UPDATE ON revisions
BEGIN SELECT raise(ABORT, 'a revision never changes'); END;
CREATE TRIGGER revisions_stay BEFORE DELETE ON revisions
BEGIN SELECT raise(ABORT, 'a revision never goes'); END;

-- What each revision left an account or site as; no document: removed.
CREATE TABLE history (
    kind     TEXT NOT NULL CHECK (kind IN ('account', 'site')),
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL REFERENCES revisions (revision) DEFERRABLE INITIALLY DEFERRED,
    document TEXT,
    PRIMARY KEY (kind, id, revision)
) STRICT;

-- Cases and decisions: documents under optimistic versions.

CREATE TABLE cases (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    version  INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE decisions (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    case_id  TEXT NOT NULL,
    state    TEXT NOT NULL,
    version  INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE INDEX decisions_by_state ON decisions (state, ordinal);
CREATE INDEX decisions_by_case ON decisions (case_id, ordinal);

-- Evidence: write-once; each reading is kept.

CREATE TABLE evidence (
    ordinal    INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    case_id    TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256     BLOB NOT NULL CHECK (length(sha256) = 32),
    size       INTEGER NOT NULL,
    at         INTEGER NOT NULL
) STRICT;

CREATE INDEX evidence_by_case ON evidence (case_id, ordinal);

CREATE TABLE evidence_files (
    id    TEXT PRIMARY KEY REFERENCES evidence (id),
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE readings (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    evidence TEXT NOT NULL REFERENCES evidence (id),
    reader   TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE INDEX readings_by_evidence ON readings (evidence, ordinal);

-- (INSERT OR REPLACE would delete without firing the triggers below.)
CREATE TRIGGER evidence_is_put_once BEFORE INSERT ON evidence
WHEN EXISTS (SELECT 1 FROM evidence WHERE id = NEW.id OR ordinal = NEW.ordinal)
BEGIN SELECT raise(ABORT, 'evidence never changes'); END;
CREATE TRIGGER evidence_files_are_put_once BEFORE INSERT ON evidence_files
WHEN EXISTS (SELECT 1 FROM evidence_files WHERE id = NEW.id)
BEGIN SELECT raise(ABORT, 'evidence never changes'); END;
CREATE TRIGGER readings_are_put_once BEFORE INSERT ON readings
WHEN EXISTS (SELECT 1 FROM readings WHERE ordinal = NEW.ordinal)
BEGIN SELECT raise(ABORT, 'a reading never changes'); END;
CREATE TRIGGER evidence_stays_as_it_is BEFORE UPDATE ON evidence
BEGIN SELECT raise(ABORT, 'evidence never changes'); END;
CREATE TRIGGER evidence_stays BEFORE DELETE ON evidence
BEGIN SELECT raise(ABORT, 'evidence never goes'); END;
CREATE TRIGGER evidence_files_stay_as_they_are BEFORE UPDATE ON evidence_files
BEGIN SELECT raise(ABORT, 'evidence never changes'); END;
CREATE TRIGGER evidence_files_stay BEFORE DELETE ON evidence_files
BEGIN SELECT raise(ABORT, 'evidence never goes'); END;
CREATE TRIGGER readings_stay_as_they_are BEFORE UPDATE ON readings
BEGIN SELECT raise(ABORT, 'a reading never changes'); END;
CREATE TRIGGER readings_stay BEFORE DELETE ON readings
BEGIN SELECT raise(ABORT, 'a reading never goes'); END;

-- The log.

CREATE TABLE leaves (
    idx      INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    subject  TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    bytes    BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 65535),
    UNIQUE (subject, sequence)
) STRICT;

-- Hashes in order, without the entries between them.
CREATE INDEX leaf_hashes ON leaves (idx, hash);

CREATE TRIGGER leaves_are_contiguous BEFORE INSERT ON leaves
WHEN NEW.idx IS NOT (SELECT coalesce(max(idx), -1) + 1 FROM leaves)
BEGIN SELECT raise(ABORT, 'leaves are contiguous'); END;
CREATE TRIGGER leaves_are_put_once BEFORE INSERT ON leaves
WHEN EXISTS (SELECT 1 FROM leaves WHERE hash = NEW.hash)
  OR EXISTS (SELECT 1 FROM leaves WHERE subject = NEW.subject AND sequence = NEW.sequence)
BEGIN SELECT raise(ABORT, 'a leaf never changes'); END;
CREATE TRIGGER leaves_stay_as_they_are BEFORE UPDATE ON leaves
BEGIN SELECT raise(ABORT, 'a leaf never changes'); END;
CREATE TRIGGER leaves_stay BEFORE DELETE ON leaves
BEGIN SELECT raise(ABORT, 'a leaf never goes'); END;

-- The checkpoint signed for each size that an append left; the last one is the log's head.
CREATE TABLE staged (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE log_state (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    epoch          INTEGER NOT NULL,
    published_size INTEGER,
    published_note TEXT,
    CHECK ((published_size IS NULL) = (published_note IS NULL))
) STRICT;

INSERT INTO log_state (one, epoch) VALUES (1, 0);

CREATE TRIGGER published_never_goes_back BEFORE UPDATE ON log_state
WHEN NEW.published_size IS NULL AND OLD.published_size IS NOT NULL
  OR NEW.published_size < OLD.published_size
BEGIN SELECT raise(ABORT, 'a published checkpoint never goes back'); END;
CREATE TRIGGER epochs_only_rise BEFORE UPDATE ON log_state WHEN NEW.epoch < OLD.epoch
BEGIN SELECT raise(ABORT, 'epochs only rise'); END;
CREATE TRIGGER log_state_stays BEFORE DELETE ON log_state
BEGIN SELECT raise(ABORT, 'the state of the log never goes'); END;

-- Documents (write-once) and registers.

CREATE TABLE documents (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    sha256  BLOB NOT NULL CHECK (length(sha256) = 32),
    at      INTEGER NOT NULL,
    bytes   BLOB NOT NULL,
    UNIQUE (kind, name)
) STRICT;

CREATE INDEX documents_by_hash ON documents (kind, sha256, ordinal);
CREATE INDEX documents_by_kind ON documents (kind, ordinal);

CREATE TRIGGER documents_are_put_once BEFORE INSERT ON documents
WHEN EXISTS (SELECT 1 FROM documents WHERE ordinal = NEW.ordinal OR (kind = NEW.kind AND name = NEW.name))
BEGIN SELECT raise(ABORT, 'a document never changes'); END;
CREATE TRIGGER documents_stay_as_they_are BEFORE UPDATE ON documents
BEGIN SELECT raise(ABORT, 'a document never changes'); END;
CREATE TRIGGER documents_stay BEFORE DELETE ON documents
BEGIN SELECT raise(ABORT, 'a document never goes'); END;

CREATE TABLE registers (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    bytes   BLOB NOT NULL
) STRICT;

-- Sessions, setup tokens, idempotency keys: these end.

CREATE TABLE sessions (
    ordinal    INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    actor      TEXT NOT NULL,
    opened     INTEGER NOT NULL,
    expires    INTEGER NOT NULL
) STRICT;

CREATE TABLE setup_tokens (
    token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    expires    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    ordinal    INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT NOT NULL UNIQUE,
    request    BLOB NOT NULL CHECK (length(request) = 32),
    expires    INTEGER NOT NULL,
    status     INTEGER,
    media_type TEXT,
    body       BLOB
) STRICT;

PRAGMA application_id = 0x574d5231;
