-- How far this store holds a gateway's journal, as the gateway says with its packs, and in the transaction that stores
-- them. A gateway that was acknowledged more than this says sends again from here: the store came from a backup.
CREATE TABLE custody (
    gateway INTEGER NOT NULL, -- gateways.id
    journal TEXT NOT NULL,    -- its id, 16 hexadecimal digits
    through INTEGER NOT NULL, -- the mark: the last sequence number that is settled here
    at      INTEGER NOT NULL, -- when a pack of it last came
    PRIMARY KEY (gateway, journal)
) STRICT, WITHOUT ROWID;
