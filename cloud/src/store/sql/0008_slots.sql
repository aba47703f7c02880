-- Slots, told where the readings are.

-- Of a day's slots: how many were due, how many of these are filled, and readings that fill none. NULL: not counted yet. Only
-- of slots up to the device's last reading: what is due since depends on the hour. The examiner counts them after the
-- readings are stored.
ALTER TABLE days ADD COLUMN due INTEGER;
ALTER TABLE days ADD COLUMN filled INTEGER;
ALTER TABLE days ADD COLUMN extra INTEGER;

-- What people set of a device's interval, and from when on it counts. What an earlier version knew counts from now on.
CREATE TABLE intervals (
    device     INTEGER NOT NULL, -- devices.id
    since      INTEGER NOT NULL,
    interval_s INTEGER,          -- NULL: what its readings tell
    PRIMARY KEY (device, since)
) STRICT, WITHOUT ROWID;
INSERT INTO intervals SELECT device, unixepoch() * 1000, interval_s FROM details WHERE interval_s IS NOT NULL;

-- A survey's last reading; NULL if it has none. Of what an earlier version noted: the last one that is held before the device's
-- next survey begins, which is too early for one that others were woven into.
ALTER TABLE surveys ADD COLUMN ends INTEGER;
UPDATE surveys SET ends = (
    SELECT max(time) FROM readings
    WHERE readings.device = surveys.device AND time >= surveys.starts AND time < ifnull(
        (SELECT min(next.starts) FROM surveys AS next
         WHERE next.device = surveys.device AND next.starts > surveys.starts AND next.readings > 0),
        9223372036854775807))
WHERE readings > 0;
-- Those that are more than three days long: a year that somebody imported is one, and is found by each of its days.
CREATE INDEX surveys_long ON surveys (device, starts) WHERE ends - starts > 259200000;

-- The days of a store of an earlier version are counted by and by.
INSERT INTO unexamined SELECT id, first_time, last_time, 1 FROM devices WHERE first_time IS NOT NULL AND last_time IS NOT NULL
    ON CONFLICT DO UPDATE SET from_time = min(from_time, excluded.from_time), to_time = max(to_time, excluded.to_time),
                              version = version + 1;
