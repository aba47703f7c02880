-- What the operator set in the running cloud, beyond its command line.
--   keep_days  how many days readings are kept; no row: for ever
--   kept_from  the instant before which readings are let go of; follows the days slowly, whatever the clock says
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
