-- Places, receipts and areas are JSON in the contract's shape. Ids sort by their
-- bytes. Triggers that write events are in 0011.

-- +goose Up
CREATE TABLE shipments (
    fleet      text COLLATE "C" NOT NULL REFERENCES fleets (id),
    id         text COLLATE "C" NOT NULL,
    reference  text NOT NULL DEFAULT '',
    status     text NOT NULL DEFAULT 'created',
    driver     text COLLATE "C" NOT NULL DEFAULT '', -- who has it, or to whom it is offered
    assignment text COLLATE "C" NOT NULL DEFAULT '', -- that by which driver has it
    pickup     jsonb NOT NULL DEFAULT '{}',
    dropoff    jsonb NOT NULL DEFAULT '{}',
    note       text NOT NULL DEFAULT '',
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fleet, id)
);

CREATE INDEX shipments_driver ON shipments (fleet, driver, id);
CREATE INDEX shipments_status ON shipments (fleet, status, id);

CREATE TABLE shipment_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fleet       text COLLATE "C" NOT NULL,
    shipment    text COLLATE "C" NOT NULL,
    status      text NOT NULL,
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    actor       text NOT NULL,
    source      text NOT NULL,
    note        text NOT NULL DEFAULT '',
    lat         double precision,
    lon         double precision,
    proof       jsonb,
    FOREIGN KEY (fleet, shipment) REFERENCES shipments (fleet, id) ON DELETE CASCADE
);

CREATE INDEX shipment_events_shipment ON shipment_events (fleet, shipment, id);

CREATE TABLE assignments (
    fleet      text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    shipment   text COLLATE "C" NOT NULL,
    driver     text COLLATE "C" NOT NULL,
    state      text NOT NULL DEFAULT 'offered',
    deadline   timestamptz,
    next       jsonb NOT NULL DEFAULT '[]', -- drivers to try after this one
    receipts   jsonb NOT NULL DEFAULT '[]', -- at most one of each state
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fleet, id),
    FOREIGN KEY (fleet, shipment) REFERENCES shipments (fleet, id) ON DELETE CASCADE
);

CREATE INDEX assignments_shipment ON assignments (fleet, shipment, id);
CREATE INDEX assignments_driver ON assignments (fleet, driver, id);
CREATE INDEX assignments_deadline ON assignments (deadline) WHERE state IN ('offered', 'received', 'seen');

CREATE TABLE devices (
    fleet       text COLLATE "C" NOT NULL REFERENCES fleets (id),
    id          text COLLATE "C" NOT NULL,
    kind        text NOT NULL DEFAULT 'native',
    driver      text COLLATE "C" NOT NULL DEFAULT '', -- for whom it reports
    name        text NOT NULL DEFAULT '',
    secret_hash bytea,
    secret_at   timestamptz,
    disabled    boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fleet, id)
);

CREATE TABLE alerts (
    fleet     text COLLATE "C" NOT NULL REFERENCES fleets (id),
    id        text COLLATE "C" NOT NULL,
    kind      text NOT NULL,
    driver    text COLLATE "C" NOT NULL DEFAULT '',
    subject   text COLLATE "C" NOT NULL DEFAULT '', -- what else it is about
    severity  text NOT NULL DEFAULT 'warning',
    detail    text NOT NULL DEFAULT '',
    opened_at timestamptz NOT NULL DEFAULT now(),
    acked_at  timestamptz,
    acked_by  text NOT NULL DEFAULT '',
    closed_at timestamptz,
    version   bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (fleet, id)
);

CREATE UNIQUE INDEX alerts_open ON alerts (fleet, kind, driver, subject) WHERE closed_at IS NULL;

CREATE TABLE geofences (
    fleet      text COLLATE "C" NOT NULL REFERENCES fleets (id),
    id         text COLLATE "C" NOT NULL,
    name       text NOT NULL DEFAULT '',
    area       jsonb NOT NULL, -- {"polygon":[…]} or {"circle":{…}}
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fleet, id)
);

CREATE TABLE commands (
    fleet      text COLLATE "C" NOT NULL REFERENCES fleets (id),
    id         text COLLATE "C" NOT NULL,
    driver     text COLLATE "C" NOT NULL,
    action     text NOT NULL,
    text       text NOT NULL DEFAULT '',
    actor      text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fleet, id)
);

CREATE INDEX commands_driver ON commands (fleet, driver, created_at);

CREATE TABLE driver_configs (
    fleet      text COLLATE "C" NOT NULL REFERENCES fleets (id),
    driver     text COLLATE "C" NOT NULL,
    interval_s double precision NOT NULL DEFAULT 0, -- 0: the phone's default
    distance_m double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (fleet, driver)
);

CREATE TABLE webhooks (
    fleet       text COLLATE "C" NOT NULL REFERENCES fleets (id),
    id          text COLLATE "C" NOT NULL,
    url         text NOT NULL,
    kinds       jsonb NOT NULL DEFAULT '[]',
    secret      text NOT NULL,
    disabled    boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    cursor      bigint NOT NULL DEFAULT 0, -- through this event it is delivered
    replayed_at timestamptz NOT NULL DEFAULT now(),
    failures    integer NOT NULL DEFAULT 0,
    retry_at    timestamptz,
    last_error  text NOT NULL DEFAULT '',
    PRIMARY KEY (fleet, id)
);

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
