-- Customers' claims to host names, and the tokens they make them with.

CREATE TABLE host_claims (
    pattern  TEXT NOT NULL,
    account  TEXT NOT NULL,
    document TEXT NOT NULL CHECK (json_valid(document)),
    PRIMARY KEY (pattern, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_tokens (
    account TEXT NOT NULL,
    name    TEXT NOT NULL,
    hash    BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    made    INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
