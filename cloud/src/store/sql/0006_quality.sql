-- What soil-science rules object to in a reading, beside its values and never instead of them: only of readings that they
-- object to.
CREATE TABLE flags (
    device  INTEGER NOT NULL, -- devices.id
    time    INTEGER NOT NULL, -- of the reading
    bits    INTEGER NOT NULL, -- as in core/src/quality/flags.rs: the soil moisture network's flag n is bit n - 1
    goes_on INTEGER NOT NULL, -- 1 if constant low values go on through this hour: where a later examination takes up
    PRIMARY KEY (device, time)
) STRICT, WITHOUT ROWID;

-- Devices with readings that the rules have not looked at yet: written with the readings, taken away with the flags.
CREATE TABLE unexamined (
    device    INTEGER PRIMARY KEY, -- devices.id
    from_time INTEGER NOT NULL,    -- the first reading that is new; everything before, less the rules' reach, is examined
    to_time   INTEGER NOT NULL,    -- the last one
    version   INTEGER NOT NULL     -- changes with every change: an examination of what was there before counts for nothing
) STRICT;

-- What a store of an earlier version holds.
INSERT INTO unexamined SELECT id, first_time, last_time, 1 FROM devices WHERE first_time IS NOT NULL AND last_time IS NOT NULL;
