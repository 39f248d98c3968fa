-- Times are microseconds since 1970, UTC. Places, receipts and areas are JSON in
-- the contract's shape. Triggers that write events are in 0011.

-- +goose Up
CREATE TABLE shipments (
    fleet      TEXT NOT NULL REFERENCES fleets (id),
    id         TEXT NOT NULL,
    reference  TEXT NOT NULL DEFAULT '',
    status     TEXT NOT NULL DEFAULT 'created',
    driver     TEXT NOT NULL DEFAULT '', -- who has it, or to whom it is offered
    assignment TEXT NOT NULL DEFAULT '', -- that by which driver has it
    pickup     TEXT NOT NULL DEFAULT '{}',
    dropoff    TEXT NOT NULL DEFAULT '{}',
    note       TEXT NOT NULL DEFAULT '',
    version    INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    updated_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    PRIMARY KEY (fleet, id)
) STRICT;

CREATE INDEX shipments_driver ON shipments (fleet, driver, id);
CREATE INDEX shipments_status ON shipments (fleet, status, id);

CREATE TABLE shipment_events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    fleet       TEXT NOT NULL,
    shipment    TEXT NOT NULL,
    status      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    source      TEXT NOT NULL,
    note        TEXT NOT NULL DEFAULT '',
    lat         REAL,
    lon         REAL,
    proof       TEXT,
    FOREIGN KEY (fleet, shipment) REFERENCES shipments (fleet, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX shipment_events_shipment ON shipment_events (fleet, shipment, id);

CREATE TABLE assignments (
    fleet      TEXT NOT NULL,
    id         TEXT NOT NULL,
    shipment   TEXT NOT NULL,
    driver     TEXT NOT NULL,
    state      TEXT NOT NULL DEFAULT 'offered',
    deadline   INTEGER,
    next       TEXT NOT NULL DEFAULT '[]', -- drivers to try after this one
    receipts   TEXT NOT NULL DEFAULT '[]', -- at most one of each state
    version    INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    PRIMARY KEY (fleet, id),
    FOREIGN KEY (fleet, shipment) REFERENCES shipments (fleet, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX assignments_shipment ON assignments (fleet, shipment, id);
CREATE INDEX assignments_driver ON assignments (fleet, driver, id);
CREATE INDEX assignments_deadline ON assignments (deadline) WHERE state IN ('offered', 'received', 'seen');

CREATE TABLE devices (
    fleet       TEXT NOT NULL REFERENCES fleets (id),
    id          TEXT NOT NULL,
    kind        TEXT NOT NULL DEFAULT 'native',
    driver      TEXT NOT NULL DEFAULT '', -- for whom it reports
    name        TEXT NOT NULL DEFAULT '',
    secret_hash BLOB,
    secret_at   INTEGER,
    disabled    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    PRIMARY KEY (fleet, id)
) STRICT;

CREATE TABLE alerts (
    fleet     TEXT NOT NULL REFERENCES fleets (id),
    id        TEXT NOT NULL,
    kind      TEXT NOT NULL,
    driver    TEXT NOT NULL DEFAULT '',
    subject   TEXT NOT NULL DEFAULT '', -- what else it is about
    severity  TEXT NOT NULL DEFAULT 'warning',
    detail    TEXT NOT NULL DEFAULT '',
    opened_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    acked_at  INTEGER,
    acked_by  TEXT NOT NULL DEFAULT '',
    closed_at INTEGER,
    version   INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (fleet, id)
) STRICT;

CREATE UNIQUE INDEX alerts_open ON alerts (fleet, kind, driver, subject) WHERE closed_at IS NULL;

CREATE TABLE geofences (
    fleet      TEXT NOT NULL REFERENCES fleets (id),
    id         TEXT NOT NULL,
    name       TEXT NOT NULL DEFAULT '',
    area       TEXT NOT NULL, -- {"polygon":[…]} or {"circle":{…}}
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    updated_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    PRIMARY KEY (fleet, id)
) STRICT;

CREATE TABLE commands (
    fleet      TEXT NOT NULL REFERENCES fleets (id),
    id         TEXT NOT NULL,
    driver     TEXT NOT NULL,
    action     TEXT NOT NULL,
    text       TEXT NOT NULL DEFAULT '',
    actor      TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    PRIMARY KEY (fleet, id)
) STRICT;

CREATE INDEX commands_driver ON commands (fleet, driver, created_at);

CREATE TABLE driver_configs (
    fleet      TEXT NOT NULL REFERENCES fleets (id),
    driver     TEXT NOT NULL,
    interval_s REAL NOT NULL DEFAULT 0, -- 0: the phone's default
    distance_m REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (fleet, driver)
) STRICT;

CREATE TABLE webhooks (
    fleet       TEXT NOT NULL REFERENCES fleets (id),
    id          TEXT NOT NULL,
    url         TEXT NOT NULL,
    kinds       TEXT NOT NULL DEFAULT '[]',
    secret      TEXT NOT NULL,
    disabled    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    cursor      INTEGER NOT NULL DEFAULT 0, -- through this event it is delivered
    replayed_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    failures    INTEGER NOT NULL DEFAULT 0,
    retry_at    INTEGER,
    last_error  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (fleet, id)
) STRICT;

-- +goose Down
DROP TABLE webhooks;
DROP TABLE driver_configs;
DROP TABLE commands;
DROP TABLE geofences;
DROP TABLE alerts;
DROP TABLE devices;
DROP TABLE assignments;
DROP TABLE shipment_events;
DROP TABLE shipments;
