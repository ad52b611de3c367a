-- The directory of authorities and their orders: documents under optimistic versions.

CREATE TABLE authorities (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    version  INTEGER NOT NULL,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT;

CREATE TABLE orders (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    version  INTEGER NOT NULL,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT;
