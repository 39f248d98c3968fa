-- Alerts that open and close by themselves, and what they are opened by.

-- +goose Up
ALTER TABLE alerts ADD COLUMN auto boolean NOT NULL DEFAULT false; -- opened by dray, which closes it too

CREATE INDEX alerts_auto ON alerts (kind) WHERE auto AND closed_at IS NULL;
CREATE INDEX drivers_on_duty_id ON drivers (id) WHERE duty = 'on';
CREATE INDEX shipments_unfinished ON shipments (fleet, id) WHERE status NOT IN ('delivered', 'failed', 'returned', 'cancelled');
CREATE INDEX assignments_pending ON assignments (created_at) WHERE state IN ('offered', 'received', 'seen');

-- What a driver on duty has told last, by position or by health.
CREATE VIEW drivers_on_duty AS
    SELECT d.fleet, d.driver, d.duty_at, l.received_at AS seen_at, d.health::jsonb ->> 'permission' AS permission,
        CASE WHEN h.battery IS NULL OR l.received_at > d.health_at AND l.battery IS NOT NULL THEN l.battery / 100.0 ELSE h.battery END AS battery,
        CASE WHEN h.battery IS NULL OR l.received_at > d.health_at AND l.battery IS NOT NULL THEN l.received_at ELSE d.health_at END AS battery_at
    FROM drivers d
    LEFT JOIN latest l ON l.driver_id = d.id
    LEFT JOIN LATERAL (SELECT (d.health::jsonb ->> 'battery_pct')::float8 AS battery) h ON true
    WHERE d.duty = 'on';

-- +goose StatementBegin
CREATE FUNCTION window_end(place jsonb) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN place ->> 'to' ~ '^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d' THEN (place ->> 'to')::timestamptz END
$$;
-- +goose StatementEnd

-- When a shipment that is not finished has to be where it is next due.
CREATE VIEW shipments_due AS
    SELECT fleet, driver, id AS subject,
        least(CASE WHEN status IN ('created', 'assigned', 'accepted') THEN window_end(pickup) END, window_end(dropoff)) AS due_at
    FROM shipments WHERE status NOT IN ('delivered', 'failed', 'returned', 'cancelled');

-- +goose Down
DROP VIEW shipments_due;
DROP FUNCTION window_end;
DROP VIEW drivers_on_duty;
DROP INDEX assignments_pending;
DROP INDEX shipments_unfinished;
DROP INDEX drivers_on_duty_id;
DROP INDEX alerts_auto;
ALTER TABLE alerts DROP COLUMN auto;
