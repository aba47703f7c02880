-- Alerts: what operators want to hear of, what there was, and what has to be said.

-- Which readings no rule has looked at: the earliest one, NULL if there is none. `marks` counts how often that was set, so
-- that whoever looked can tell whether more came meanwhile.
ALTER TABLE devices ADD COLUMN unjudged INTEGER;
ALTER TABLE devices ADD COLUMN marks INTEGER NOT NULL DEFAULT 0;

CREATE TABLE rules (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: alerts name it
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    value      INTEGER,          -- hundredths; NULL: what is usual
    clear      INTEGER,          -- hundredths; NULL: what is usual
    for_s      INTEGER NOT NULL,
    devices    TEXT,             -- JSON list of ids; NULL: all
    repeat_s   INTEGER NOT NULL,
    channels   TEXT NOT NULL,    -- JSON list of channels.id
    enabled    INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0, -- raised when it asks something else
    progress   INTEGER           -- devices.id up to which all held readings were judged; NULL: all were
) STRICT;

CREATE TABLE alerts (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    rule            INTEGER NOT NULL, -- rules.id; the rule may be gone
    generation      INTEGER NOT NULL, -- of the rule; alerts of earlier ones change no more
    name            TEXT NOT NULL,    -- of the rule
    kind            TEXT NOT NULL,
    subject         TEXT NOT NULL,    -- device:…, gateway:…, cloud
    devices         TEXT NOT NULL,    -- JSON list of ids, at most a thousand
    text            TEXT NOT NULL,
    began           INTEGER NOT NULL, -- by the time of the event
    noticed         INTEGER NOT NULL, -- when the cloud knew
    resolved        INTEGER,
    certain         INTEGER,          -- of values: the reading that made it an alert
    worst           INTEGER,          -- of values: the worst one, in hundredths
    acknowledged_by TEXT,
    acknowledged_at INTEGER,
    rings           INTEGER NOT NULL, -- 0: history, nobody was told
    told            INTEGER,          -- when the last message was put out
    withdrawn       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (rule, subject) WHERE resolved IS NULL;
CREATE INDEX alerts_of ON alerts (rule, subject, began);

-- Where messages go. `settings` is what may be shown, `secret` what may not.
CREATE TABLE channels (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    settings TEXT NOT NULL, -- JSON
    secret   TEXT,
    failing  TEXT,          -- why the last delivery failed; NULL: it went well
    lost     INTEGER NOT NULL DEFAULT 0 -- messages that were given up
) STRICT;

-- Messages that wait, in the order in which they are delivered.
CREATE TABLE outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    channel  INTEGER NOT NULL, -- channels.id
    message  TEXT NOT NULL,    -- its id for the receiver: the same at every attempt
    body     TEXT NOT NULL,    -- JSON
    put      INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due      INTEGER NOT NULL  -- not to be tried before
) STRICT;
CREATE INDEX outbox_of ON outbox (channel, id);

-- Gateways that were silent: since which contact, if they are, and when they were heard again the last time.
CREATE TABLE outages (
    gateway  INTEGER PRIMARY KEY, -- gateways.id
    out      INTEGER,
    returned INTEGER
) STRICT;
