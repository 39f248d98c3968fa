-- Alerts that open and close by themselves, and what they are opened by.

-- +goose Up
ALTER TABLE alerts ADD COLUMN auto INTEGER NOT NULL DEFAULT 0; -- opened by dray, which closes it too

CREATE INDEX alerts_auto ON alerts (kind) WHERE auto AND closed_at IS NULL;
CREATE INDEX drivers_on_duty_id ON drivers (id) WHERE duty = 'on';
CREATE INDEX shipments_unfinished ON shipments (fleet, id) WHERE status NOT IN ('delivered', 'failed', 'returned', 'cancelled');
CREATE INDEX assignments_pending ON assignments (created_at) WHERE state IN ('offered', 'received', 'seen');

-- What a driver on duty has told last, by position or by health.
CREATE VIEW drivers_on_duty AS
    SELECT d.fleet, d.driver, d.duty_at, l.received_at AS seen_at, d.health ->> 'permission' AS permission,
        CASE WHEN d.health ->> 'battery_pct' IS NULL OR l.received_at > d.health_at AND l.battery IS NOT NULL THEN l.battery / 100.0 ELSE d.health ->> 'battery_pct' END AS battery,
        CASE WHEN d.health ->> 'battery_pct' IS NULL OR l.received_at > d.health_at AND l.battery IS NOT NULL THEN l.received_at ELSE d.health_at END AS battery_at
    FROM drivers d
    LEFT JOIN latest l ON l.driver_id = d.id
    WHERE d.duty = 'on';

-- When a shipment that is not finished has to be where it is next due.
CREATE VIEW shipments_due AS
    SELECT fleet, driver, id AS subject, min(coalesce(pickup_at, dropoff_at), coalesce(dropoff_at, pickup_at)) AS due_at
    FROM (
        SELECT fleet, driver, id,
            CASE WHEN status IN ('created', 'assigned', 'accepted') THEN CAST(unixepoch(pickup ->> 'to', 'subsec') * 1000000 AS INTEGER) END AS pickup_at,
            CAST(unixepoch(dropoff ->> 'to', 'subsec') * 1000000 AS INTEGER) AS dropoff_at
        FROM shipments WHERE status NOT IN ('delivered', 'failed', 'returned', 'cancelled')
    );

-- +goose Down
DROP VIEW shipments_due;
DROP VIEW drivers_on_duty;
DROP INDEX assignments_pending;
DROP INDEX shipments_unfinished;
DROP INDEX drivers_on_duty_id;
DROP INDEX alerts_auto;
ALTER TABLE alerts DROP COLUMN auto;
