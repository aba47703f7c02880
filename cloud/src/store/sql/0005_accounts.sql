-- Who may ask this cloud, and change it. No secret is in here: of a password its argon2id hash, of the rest SHA-256 of
-- 256 random bits (`digest`).

-- People.
CREATE TABLE users (
    id        INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    name      TEXT NOT NULL UNIQUE,
    role      TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'administrator')),
    password  TEXT NOT NULL,                     -- a PHC string: $argon2id$...
    created   INTEGER NOT NULL,
    last_seen INTEGER                            -- to the minute; NULL: never
) STRICT;

-- Browsers in which somebody is signed in.
CREATE TABLE sessions (
    digest    BLOB PRIMARY KEY,  -- of what is in the cookie
    user      INTEGER NOT NULL,  -- users.id
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL   -- to the minute
) STRICT, WITHOUT ROWID;

-- Programs.
CREATE TABLE tokens (
    id        INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    name      TEXT NOT NULL UNIQUE,
    scope     TEXT NOT NULL CHECK (scope IN ('read', 'ingest', 'admin')),
    digest    BLOB NOT NULL UNIQUE,
    created   INTEGER NOT NULL,
    last_used INTEGER                            -- to the minute; NULL: never
) STRICT;

-- One-time links: whoever has the code may become an administrator. At most one.
CREATE TABLE setup (
    digest  BLOB PRIMARY KEY,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
