-- +goose Up

-- A closed hour of a driver (package packed). Hours and times are microseconds.
-- A block is cut into parts of which a page holds three: whole, most would leave
-- a third or more of their page empty.
CREATE TABLE packed (
    driver_id INTEGER NOT NULL,
    hour      INTEGER NOT NULL,
    part      INTEGER NOT NULL,
    n         INTEGER NOT NULL, -- rows in the block; 0 but in its first part
    body      BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX packed_key ON packed (driver_id, hour, part);

CREATE TABLE trips (
    driver_id INTEGER NOT NULL,
    from_at   INTEGER NOT NULL,
    to_at     INTEGER NOT NULL,
    from_lat  INTEGER NOT NULL,
    from_lon  INTEGER NOT NULL,
    to_lat    INTEGER NOT NULL,
    to_lon    INTEGER NOT NULL,
    distance  INTEGER NOT NULL, -- metres
    points    INTEGER NOT NULL,
    ended     TEXT    NOT NULL,
    PRIMARY KEY (driver_id, from_at)
) STRICT, WITHOUT ROWID;

-- Until when the trips of a driver are in the table.
CREATE TABLE trips_until (
    driver_id INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL
) STRICT;

-- What was received of a driver before its erasure is not stored again.
CREATE TABLE erased (
    fleet  TEXT    NOT NULL,
    driver TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (fleet, driver)
) STRICT, WITHOUT ROWID;

CREATE INDEX erased_at ON erased (at);
CREATE INDEX dead_letters_driver ON dead_letters (fleet, driver);

CREATE TABLE retention (
    fleet         TEXT    PRIMARY KEY REFERENCES fleets (id),
    raw_days      INTEGER NOT NULL, -- 0 is for ever
    packed_months INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When retention last looked at the clock, and since when it goes steadily.
CREATE TABLE retention_clock (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    seen_at   INTEGER NOT NULL,
    steady_at INTEGER NOT NULL
) STRICT;

-- The size of the database, once a day.
CREATE TABLE usage_days (
    day   INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE usage_days;
DROP TABLE retention_clock;
DROP TABLE retention;
DROP INDEX dead_letters_driver;
DROP TABLE erased;
DROP TABLE trips_until;
DROP TABLE trips;
DROP TABLE packed;
