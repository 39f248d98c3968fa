-- Times are microseconds since 1970, UTC. Measurements are scaled integers (package column).

-- +goose Up
CREATE TABLE fleets (
    id         TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE drivers (
    id              INTEGER PRIMARY KEY,
    fleet           TEXT    NOT NULL REFERENCES fleets (id),
    driver          TEXT    NOT NULL,
    name            TEXT    NOT NULL DEFAULT '',
    duty            TEXT    NOT NULL DEFAULT '',
    duty_at         INTEGER,
    presence        TEXT    NOT NULL DEFAULT '',
    presence_at     INTEGER,
    presence_reason TEXT    NOT NULL DEFAULT '',
    presence_source TEXT    NOT NULL DEFAULT '',
    health          TEXT,
    health_ext      BLOB,
    health_at       INTEGER,
    thinned         INTEGER NOT NULL DEFAULT 0,
    quarantined_at  INTEGER, -- receipt of the newest fix that the clock rule set aside
    created_at      INTEGER NOT NULL,
    UNIQUE (fleet, driver)
) STRICT;

CREATE INDEX drivers_online ON drivers (presence) WHERE presence = 'online';

-- One row for each source and boot of a driver, with the ledger of the numbers
-- received (package ledger); first_seq is null where fixes are not numbered.
CREATE TABLE sources (
    id        INTEGER PRIMARY KEY,
    driver_id INTEGER NOT NULL REFERENCES drivers (id),
    source    TEXT    NOT NULL,
    boot      TEXT    NOT NULL,
    first_seq INTEGER,
    first_at  INTEGER,
    last_seq  INTEGER,
    last_at   INTEGER,
    forgot    INTEGER NOT NULL DEFAULT 0,
    missing   TEXT,
    UNIQUE (driver_id, source, boot)
) STRICT;

CREATE TABLE positions (
    driver_id   INTEGER NOT NULL,
    fix_at      INTEGER NOT NULL,
    source_id   INTEGER NOT NULL,
    seq         INTEGER NOT NULL, -- -1 when not numbered
    sent_at     INTEGER,
    received_at INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    lat         INTEGER NOT NULL,
    lon         INTEGER NOT NULL,
    accuracy    INTEGER,
    altitude    INTEGER,
    speed       INTEGER,
    heading     INTEGER,
    battery     INTEGER,
    cause       TEXT, -- what made the device report: its "trigger"
    ext         BLOB
) STRICT;

-- A plain table with an index beats WITHOUT ROWID by half in writing.
CREATE UNIQUE INDEX positions_key ON positions (driver_id, fix_at, source_id, seq);

-- Fixes that the clock rule set aside, apart so that they are in nobody's way.
CREATE TABLE quarantined (
    driver_id   INTEGER NOT NULL,
    fix_at      INTEGER NOT NULL,
    source_id   INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    sent_at     INTEGER,
    received_at INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    lat         INTEGER NOT NULL,
    lon         INTEGER NOT NULL,
    accuracy    INTEGER,
    altitude    INTEGER,
    speed       INTEGER,
    heading     INTEGER,
    battery     INTEGER,
    cause       TEXT,
    ext         BLOB
) STRICT;

CREATE UNIQUE INDEX quarantined_key ON quarantined (driver_id, fix_at, source_id, seq);

CREATE TABLE latest (
    driver_id   INTEGER PRIMARY KEY REFERENCES drivers (id),
    fix_at      INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    lat         INTEGER NOT NULL,
    lon         INTEGER NOT NULL,
    accuracy    INTEGER,
    altitude    INTEGER,
    speed       INTEGER,
    heading     INTEGER,
    battery     INTEGER,
    source      TEXT    NOT NULL
) STRICT;

CREATE TABLE ingest_offsets (
    stream    TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (stream, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    fleet       TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    driver      TEXT    NOT NULL,
    topic       TEXT    NOT NULL,
    field       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    payload     BLOB    NOT NULL,
    PRIMARY KEY (fleet, id)
) STRICT;

-- +goose Down
DROP TABLE dead_letters;
DROP TABLE ingest_offsets;
DROP TABLE latest;
DROP TABLE quarantined;
DROP TABLE positions;
DROP TABLE sources;
DROP TABLE drivers;
DROP TABLE fleets;
