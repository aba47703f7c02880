-- The gateway's journal. Times are milliseconds since 1970-01-01T00:00:00Z.

-- One survey a row, in the order in which they were acknowledged. A seq is never used twice.
CREATE TABLE surveys (
    seq      INTEGER PRIMARY KEY,
    received INTEGER NOT NULL, -- when the first copy came
    key      INTEGER,          -- what a re-sent datagram is recognised by, on the datagram's first row only
    device   TEXT    NOT NULL,
    readings INTEGER NOT NULL, -- how many; 0 is a legal empty day
    records  BLOB    NOT NULL, -- the survey's SenML CBOR records, without the array around them
    checksum INTEGER NOT NULL  -- CRC-32 over seq, received, readings, device and records
) STRICT;

-- Keys of datagrams that are still within the re-send window, once there are too many to hold in memory.
CREATE TABLE keys (
    run      INTEGER NOT NULL, -- those that moved here together, or few at a time
    key      INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

-- Surveys that the cloud refused for good. They stay in `surveys` like the others until they are old.
CREATE TABLE refused (
    seq    INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    reason TEXT    NOT NULL,
    tries  INTEGER NOT NULL,
    again  INTEGER            -- when it is offered once more; NULL is never
) STRICT;

-- Who has reported in the round that is open.
CREATE TABLE reported (
    device TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Input that was refused, as it came (its first 4,096 bytes); the newest 1,000, and no more than an eighth of the journal.
CREATE TABLE quarantine (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    peer   TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    detail TEXT    NOT NULL,
    raw    BLOB    NOT NULL
) STRICT;

-- How often input was refused, by reason.
CREATE TABLE refusals (
    reason TEXT PRIMARY KEY,
    count  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How often other things happened: copies of what is held, empty datagrams, datagrams dropped under load.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Single facts: held_through (the cloud holds every survey up to this seq), keys_through, round_opened,
-- last_round, roster, journal_max, min_free_disk, uplink, journal_id (16 hexadecimal digits), confirmed, salvaged,
-- given_out, counted_gaps, passed_gaps, furthest (`facts.rs` tells of each).
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
