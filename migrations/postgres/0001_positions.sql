-- Measurements are scaled integers (package column). Ids sort by their bytes.

-- +goose Up
CREATE TABLE fleets (
    id         text COLLATE "C" PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE drivers (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fleet           text COLLATE "C" NOT NULL REFERENCES fleets (id),
    driver          text COLLATE "C" NOT NULL,
    name            text NOT NULL DEFAULT '',
    duty            text NOT NULL DEFAULT '',
    duty_at         timestamptz,
    presence        text NOT NULL DEFAULT '',
    presence_at     timestamptz,
    presence_reason text NOT NULL DEFAULT '',
    presence_source text NOT NULL DEFAULT '',
    health          text,
    health_ext      bytea,
    health_at       timestamptz,
    thinned         bigint NOT NULL DEFAULT 0,
    quarantined_at  timestamptz, -- receipt of the newest fix that the clock rule set aside
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fleet, driver)
);

CREATE INDEX drivers_online ON drivers (fleet) WHERE presence = 'online';

-- One row for each source and boot of a driver, with the ledger of the numbers
-- received (package ledger); first_seq is null where fixes are not numbered.
-- The ledger changes with every batch: room is left for updates in place.
CREATE TABLE sources (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    driver_id integer NOT NULL REFERENCES drivers (id),
    forgot    boolean NOT NULL DEFAULT false,
    first_seq bigint,
    first_at  bigint,
    last_seq  bigint,
    last_at   bigint,
    source    text NOT NULL,
    boot      text NOT NULL,
    missing   text,
    UNIQUE (driver_id, source, boot)
) WITH (fillfactor = 40);

-- Partitioned by day of fix time; the writer attaches a day when it first
-- needs it. What is older than any day has a partition of its own.
CREATE TABLE positions (
    fix_at      timestamptz NOT NULL,
    seq         bigint      NOT NULL, -- -1 when not numbered
    sent_at     timestamptz,
    received_at timestamptz NOT NULL,
    stored_at   timestamptz NOT NULL,
    driver_id   integer     NOT NULL,
    source_id   integer     NOT NULL,
    lat         integer     NOT NULL,
    lon         integer     NOT NULL,
    accuracy    integer,
    altitude    integer,
    speed       integer,
    heading     integer,
    battery     smallint,
    cause       text, -- what made the device report: its "trigger"
    ext         bytea,
    PRIMARY KEY (driver_id, fix_at, source_id, seq)
) PARTITION BY RANGE (fix_at);

CREATE TABLE positions_old PARTITION OF positions FOR VALUES FROM (MINVALUE) TO ('2024-01-01 00:00:00+00');

-- Fixes that the clock rule set aside, apart so that a wrong clock makes no
-- partitions.
CREATE TABLE quarantined (LIKE positions INCLUDING ALL);

-- Only the key is indexed and pages are left half empty, so that nearly every
-- update stays on its page (HOT).
CREATE TABLE latest (
    driver_id   integer     PRIMARY KEY REFERENCES drivers (id),
    lat         integer     NOT NULL,
    fix_at      timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lon         integer     NOT NULL,
    accuracy    integer,
    altitude    integer,
    speed       integer,
    heading     integer,
    battery     smallint,
    source      text        NOT NULL
) WITH (fillfactor = 40);

CREATE TABLE ingest_offsets (
    stream    text    NOT NULL,
    partition integer NOT NULL,
    seq       bigint  NOT NULL,
    PRIMARY KEY (stream, partition)
) WITH (fillfactor = 40);

CREATE TABLE dead_letters (
    fleet       text COLLATE "C" NOT NULL,
    id          text COLLATE "C" NOT NULL,
    driver      text NOT NULL,
    topic       text NOT NULL,
    field       text NOT NULL,
    reason      text NOT NULL,
    received_at timestamptz NOT NULL,
    payload     bytea NOT NULL,
    PRIMARY KEY (fleet, id)
);

-- +goose Down
DROP TABLE dead_letters;
DROP TABLE ingest_offsets;
DROP TABLE latest;
DROP TABLE quarantined;
DROP TABLE positions;
DROP TABLE sources;
DROP TABLE drivers;
DROP TABLE fleets;
