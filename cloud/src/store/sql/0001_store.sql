-- The cloud's store. Plain rows: any SQL tool may read them while the cloud runs.
--
-- Units, everywhere:
--   instants      milliseconds since 1970-01-01T00:00:00Z
--   temperature   hundredths of a degree Celsius, -10000 to 10000
--   moisture      hundredths of a percent (volumetric), 0 to 10000
-- NULL is a value that was not measured. For people: the views readings_plain, conflicts_plain and surveys_plain.

-- Who measures. The counters repeat what the other tables hold, so that lists need no scan.
CREATE TABLE devices (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    readings     INTEGER NOT NULL DEFAULT 0, -- rows in readings
    conflicts    INTEGER NOT NULL DEFAULT 0, -- rows in conflicts
    first_time   INTEGER,                    -- of its readings; NULL while it has none
    last_time    INTEGER,
    last_contact INTEGER NOT NULL            -- when the cloud last took a survey of it
) STRICT;

-- What was measured, once for each device and instant. The first value stays.
CREATE TABLE readings (
    device      INTEGER NOT NULL, -- devices.id
    time        INTEGER NOT NULL,
    temperature INTEGER,
    moisture    INTEGER,
    PRIMARY KEY (device, time),
    CHECK (temperature IS NOT NULL OR moisture IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Who brings surveys: a gateway's name, or `tcp:` or `http:` and the address of a sender without one.
CREATE TABLE gateways (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    time_zone    TEXT,            -- IANA name, if it says
    last_contact INTEGER NOT NULL
) STRICT;

-- Another value for a reading that is held. The same one offered again only raises its count; of one reading, a
-- bounded number of different ones is kept.
CREATE TABLE conflicts (
    id            INTEGER PRIMARY KEY,
    device        INTEGER NOT NULL, -- devices.id
    time          INTEGER NOT NULL, -- of the reading
    temperature   INTEGER,          -- as offered
    moisture      INTEGER,          -- as offered
    gateway       INTEGER NOT NULL, -- gateways.id of who offered it first
    first_offered INTEGER NOT NULL,
    last_offered  INTEGER NOT NULL,
    count         INTEGER NOT NULL DEFAULT 1
) STRICT;
-- A missing value counts as a value here: two NULLs are the same offer.
CREATE UNIQUE INDEX conflicts_offer
    ON conflicts (device, time, ifnull(temperature, -32768), ifnull(moisture, -32768));

-- Every survey that was taken, once for each gateway that brought it.
CREATE TABLE surveys (
    device              INTEGER NOT NULL, -- devices.id
    starts              INTEGER NOT NULL, -- its earliest reading; of an empty day, its receipt (0 if nobody says)
    identity            INTEGER NOT NULL, -- hash of gateway, receipt there and readings
    gateway             INTEGER NOT NULL, -- gateways.id
    received_at_gateway INTEGER,          -- NULL if the sender does not say
    received            INTEGER NOT NULL, -- the first copy, here
    readings            INTEGER NOT NULL, -- what the first copy brought: all, and of these
    new                 INTEGER NOT NULL,
    duplicate           INTEGER NOT NULL,
    conflict            INTEGER NOT NULL,
    copies              INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (device, starts, identity)
) STRICT, WITHOUT ROWID;

-- When the first copy of an upload without dates came: its other copies are dated by it. Kept for a day.
CREATE TABLE receipts (
    key            BLOB PRIMARY KEY, -- hash of the upload's bytes
    first_received INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_age ON receipts (first_received);

-- Refused input, the newest thousand, for inspection.
CREATE TABLE quarantine (
    id       INTEGER PRIMARY KEY,
    received INTEGER NOT NULL,
    gateway  TEXT NOT NULL,
    format   TEXT NOT NULL,    -- text, senml+json, senml+cbor
    reason   TEXT NOT NULL,    -- the code, as in refusals
    detail   TEXT NOT NULL,    -- what the sender was told
    length   INTEGER NOT NULL, -- bytes that came
    bytes    BLOB NOT NULL     -- the first of them
) STRICT;

-- Refused uploads, counted by reason.
CREATE TABLE refusals (
    reason TEXT PRIMARY KEY,
    count  INTEGER NOT NULL,
    last   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW readings_plain AS
SELECT devices.name AS device,
       strftime('%Y-%m-%dT%H:%M:%SZ', readings.time / 1000, 'unixepoch') AS time,
       readings.temperature / 100.0 AS temperature_c,
       readings.moisture / 100.0 AS moisture_pct
FROM readings JOIN devices ON devices.id = readings.device;

CREATE VIEW conflicts_plain AS
SELECT devices.name AS device,
       strftime('%Y-%m-%dT%H:%M:%SZ', conflicts.time / 1000, 'unixepoch') AS time,
       readings.temperature / 100.0 AS held_temperature_c,
       readings.moisture / 100.0 AS held_moisture_pct,
       conflicts.temperature / 100.0 AS offered_temperature_c,
       conflicts.moisture / 100.0 AS offered_moisture_pct,
       gateways.name AS gateway,
       strftime('%Y-%m-%dT%H:%M:%SZ', conflicts.first_offered / 1000, 'unixepoch') AS first_offered,
       conflicts.count
FROM conflicts
JOIN devices ON devices.id = conflicts.device
JOIN gateways ON gateways.id = conflicts.gateway
JOIN readings ON readings.device = conflicts.device AND readings.time = conflicts.time;

CREATE VIEW surveys_plain AS
SELECT devices.name AS device,
       strftime('%Y-%m-%dT%H:%M:%SZ', surveys.starts / 1000, 'unixepoch') AS starts,
       gateways.name AS gateway,
       strftime('%Y-%m-%dT%H:%M:%SZ', surveys.received_at_gateway / 1000, 'unixepoch') AS received_at_gateway,
       strftime('%Y-%m-%dT%H:%M:%SZ', surveys.received / 1000, 'unixepoch') AS received,
       surveys.readings, surveys.new, surveys.duplicate, surveys.conflict, surveys.copies
FROM surveys
JOIN devices ON devices.id = surveys.device
JOIN gateways ON gateways.id = surveys.gateway;
