-- +goose Up

-- A closed hour of a driver (package packed). Hours are microseconds since 1970,
-- UTC. Partitioned by month; the packer attaches a month when it first needs it.
CREATE TABLE packed (
    hour      bigint  NOT NULL,
    driver_id integer NOT NULL,
    n         integer NOT NULL, -- rows in body
    body      bytea   NOT NULL,
    PRIMARY KEY (driver_id, hour)
) PARTITION BY RANGE (hour);

ALTER TABLE packed ALTER COLUMN body SET STORAGE EXTERNAL; -- it is compressed

-- What is older than any month; the bound is 2024-01-01.
CREATE TABLE packed_old PARTITION OF packed FOR VALUES FROM (MINVALUE) TO (1704067200000000);

-- Days that are over are taken out of positions and become children of this
-- table until they are packed and dropped; nothing is written to them.
CREATE TABLE closing (LIKE positions);

-- How far the packing of each of them has come.
CREATE TABLE closing_days (
    name         text PRIMARY KEY,
    after_driver integer NOT NULL DEFAULT 0,
    left_rows    bigint  NOT NULL DEFAULT 0, -- of hours too dense to be packed: such a day stays
    done         boolean NOT NULL DEFAULT false
);

CREATE TABLE trips (
    from_at   timestamptz NOT NULL,
    to_at     timestamptz NOT NULL,
    driver_id integer NOT NULL,
    from_lat  integer NOT NULL,
    from_lon  integer NOT NULL,
    to_lat    integer NOT NULL,
    to_lon    integer NOT NULL,
    distance  integer NOT NULL, -- metres
    points    integer NOT NULL,
    ended     text    NOT NULL,
    PRIMARY KEY (driver_id, from_at)
);

-- Until when the trips of a driver are in the table.
CREATE TABLE trips_until (
    driver_id integer PRIMARY KEY,
    at        timestamptz NOT NULL
);

-- What was received of a driver before its erasure is not stored again.
CREATE TABLE erased (
    fleet  text COLLATE "C" NOT NULL,
    driver text COLLATE "C" NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (fleet, driver)
);

CREATE INDEX erased_at ON erased (at);
CREATE INDEX dead_letters_driver ON dead_letters (fleet, driver);

CREATE TABLE retention (
    fleet         text COLLATE "C" PRIMARY KEY REFERENCES fleets (id),
    raw_days      integer NOT NULL, -- 0 is for ever
    packed_months integer NOT NULL
);

-- When retention last looked at the clock, and since when it goes steadily.
CREATE TABLE retention_clock (
    id        integer PRIMARY KEY CHECK (id = 1),
    seen_at   timestamptz NOT NULL,
    steady_at timestamptz NOT NULL
);

-- The size of the database, once a day.
CREATE TABLE usage_days (
    day   date   PRIMARY KEY,
    bytes bigint NOT NULL
);

-- +goose Down
DROP TABLE usage_days;
DROP TABLE retention_clock;
DROP TABLE retention;
DROP INDEX dead_letters_driver;
DROP TABLE erased;
DROP TABLE trips_until;
DROP TABLE trips;
DROP TABLE closing_days;
DROP TABLE closing CASCADE;
DROP TABLE packed;
