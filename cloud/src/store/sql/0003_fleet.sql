-- Devices as people see them. Units as in version 1.

-- Of devices.last_contact, 0 means never: somebody registered the device, or a gateway expects it. It is when the gateway
-- had the last survey, if that says so; of a file that somebody imported, its last reading.
ALTER TABLE devices ADD COLUMN gateway INTEGER;          -- gateways.id of who last brought a survey of it
ALTER TABLE devices ADD COLUMN last_temperature INTEGER; -- what it measured at last_time
ALTER TABLE devices ADD COLUMN last_moisture INTEGER;
UPDATE devices SET
    gateway = (SELECT gateway FROM surveys WHERE device = devices.id ORDER BY received DESC LIMIT 1),
    last_temperature = (SELECT temperature FROM readings WHERE device = devices.id AND time = devices.last_time),
    last_moisture = (SELECT moisture FROM readings WHERE device = devices.id AND time = devices.last_time);

-- What people say of a device; NULL is not said.
CREATE TABLE details (
    device           INTEGER PRIMARY KEY, -- devices.id
    name             TEXT,
    place            TEXT,
    latitude         INTEGER, -- millionths of a degree, north
    longitude        INTEGER, -- millionths of a degree, east
    depth_mm         INTEGER, -- below the surface
    soil             TEXT,
    interval_s       INTEGER, -- seconds from one reading to the next
    survey_s         INTEGER, -- seconds within which a survey is owed
    notes            TEXT,
    moisture_low     INTEGER, -- thresholds
    moisture_high    INTEGER,
    temperature_low  INTEGER,
    temperature_high INTEGER
) STRICT;

-- Readings of a device held, by UTC day (0 is 1970-01-01). Kept by the transaction that stores the readings.
CREATE TABLE days (
    device INTEGER NOT NULL, -- devices.id
    day    INTEGER NOT NULL,
    held   INTEGER NOT NULL,
    PRIMARY KEY (device, day)
) STRICT, WITHOUT ROWID;
INSERT INTO days SELECT device, time / 86400000, count(*) FROM readings GROUP BY 1, 2;

-- What a gateway last told of itself.
CREATE TABLE gateway_status (
    gateway        INTEGER PRIMARY KEY, -- gateways.id
    at             INTEGER NOT NULL,    -- when it came
    version        TEXT NOT NULL,
    waiting        INTEGER NOT NULL,    -- surveys that it could not pass on yet
    oldest_waiting INTEGER,             -- when the oldest of them came there
    journal_bytes  INTEGER NOT NULL,    -- in use
    journal_limit  INTEGER NOT NULL,
    room_days      REAL,                -- for how long it can take surveys even if none leaves
    round_opened   INTEGER,             -- the last round that closed; NULL if none has
    round_closed   INTEGER,
    round_reported INTEGER,
    round_silent   TEXT                 -- ids, a JSON list
) STRICT;

-- Whom a gateway expects in every round.
CREATE TABLE roster (
    gateway INTEGER NOT NULL, -- gateways.id
    device  INTEGER NOT NULL, -- devices.id
    PRIMARY KEY (gateway, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX roster_device ON roster (device);

-- The picture under the field's map; at most one.
CREATE TABLE plan (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    content_type TEXT NOT NULL,
    south        INTEGER NOT NULL, -- its edges, in millionths of a degree
    west         INTEGER NOT NULL,
    north        INTEGER NOT NULL,
    east         INTEGER NOT NULL,
    updated      INTEGER NOT NULL,
    image        BLOB NOT NULL
) STRICT;

ALTER TABLE quarantine ADD COLUMN device TEXT; -- the device that the refused line or record names, if it is known
