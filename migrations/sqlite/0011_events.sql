-- Every change writes its event in the same transaction, whoever makes it. There
-- is one writer at a time, so the numbers of events are in the order of their
-- commits, and they go into the feed at once.

-- +goose Up
CREATE TABLE events (
    cursor    INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT    NOT NULL,
    at        INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    actor     TEXT    NOT NULL,
    fleet     TEXT    NOT NULL,
    entity    TEXT    NOT NULL,
    entity_id TEXT    NOT NULL,
    data      TEXT    NOT NULL
) STRICT;

CREATE INDEX events_fleet ON events (fleet, cursor);
CREATE INDEX events_at ON events (at);

-- How far each reader of the feed is.
CREATE TABLE feed_positions (
    reader TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who acts: the program says it at the beginning of a transaction and takes it
-- back at its end, so nobody else ever sees it.
CREATE TABLE acting (
    name TEXT NOT NULL
) STRICT;

INSERT INTO acting (name) VALUES ('sql');

-- What is told of each entity.
CREATE VIEW shipment_data AS SELECT fleet, id, json_object('id', id, 'reference', reference, 'status', status, 'driver', nullif(driver, ''),
    'pickup', json(pickup), 'dropoff', json(dropoff), 'note', note, 'version', version,
    'created_at', strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000 / 1e3, 'unixepoch'),
    'updated_at', strftime('%Y-%m-%dT%H:%M:%fZ', updated_at / 1000 / 1e3, 'unixepoch')) AS data FROM shipments;

CREATE VIEW assignment_data AS SELECT fleet, id, json_object('id', id, 'shipment', shipment, 'driver', driver, 'state', state,
    'deadline', strftime('%Y-%m-%dT%H:%M:%fZ', deadline / 1000 / 1e3, 'unixepoch'), 'receipts', json(receipts), 'version', version) AS data FROM assignments;

CREATE VIEW driver_data AS SELECT fleet, driver AS id, json_object('id', driver, 'name', name, 'duty', nullif(duty, '')) AS data FROM drivers;

CREATE VIEW device_data AS SELECT fleet, id, json_object('id', id, 'kind', kind, 'driver', nullif(driver, ''), 'name', name,
    'disabled', json(iif(disabled, 'true', 'false'))) AS data FROM devices;

CREATE VIEW alert_data AS SELECT fleet, id, json_object('id', id, 'kind', kind, 'driver', nullif(driver, ''), 'subject', nullif(subject, ''),
    'severity', severity, 'detail', detail, 'opened_at', strftime('%Y-%m-%dT%H:%M:%fZ', opened_at / 1000 / 1e3, 'unixepoch'),
    'acked_at', strftime('%Y-%m-%dT%H:%M:%fZ', acked_at / 1000 / 1e3, 'unixepoch'), 'acked_by', nullif(acked_by, ''),
    'closed_at', strftime('%Y-%m-%dT%H:%M:%fZ', closed_at / 1000 / 1e3, 'unixepoch'), 'version', version) AS data FROM alerts;

CREATE VIEW geofence_data AS SELECT fleet, id, json_patch(json_object('id', id, 'name', name), area) AS data FROM geofences;

CREATE VIEW command_data AS SELECT fleet, id, json_object('id', id, 'driver', driver, 'action', action, 'text', nullif(text, ''),
    'at', strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000 / 1e3, 'unixepoch')) AS data FROM commands;

CREATE VIEW driver_config_data AS SELECT fleet, driver AS id, json_object('interval_s', nullif(interval_s, 0),
    'distance_m', nullif(distance_m, 0)) AS data FROM driver_configs;

-- What is changed by hand does not count its versions: that is done first.

-- +goose StatementBegin
CREATE TRIGGER shipments_tell_insert AFTER INSERT ON shipments BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'shipment.created', name, NEW.fleet, 'shipment', NEW.id,
            (SELECT data FROM shipment_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER shipments_tell_update AFTER UPDATE OF reference, status, driver, assignment, pickup, dropoff, note ON shipments BEGIN
    INSERT INTO shipment_events (fleet, shipment, status, at, received_at, actor, source)
        SELECT NEW.fleet, NEW.id, NEW.status, CAST(unixepoch('subsec') * 1000000 AS INTEGER), CAST(unixepoch('subsec') * 1000000 AS INTEGER), name, 'sql' FROM acting
        WHERE NEW.version = OLD.version AND NEW.status <> OLD.status;
    UPDATE shipments SET version = version + 1, updated_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
        WHERE fleet = NEW.fleet AND id = NEW.id AND NEW.version = OLD.version;
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT CASE WHEN NEW.status = OLD.status THEN 'shipment.updated' WHEN NEW.status = 'created' THEN 'shipment.unassigned' ELSE 'shipment.' || NEW.status END, name, NEW.fleet, 'shipment', NEW.id,
            (SELECT data FROM shipment_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER shipments_tell_delete AFTER DELETE ON shipments BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'shipment.deleted', name, OLD.fleet, 'shipment', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER assignments_tell_insert AFTER INSERT ON assignments BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'assignment.' || NEW.state, name, NEW.fleet, 'assignment', NEW.id,
            (SELECT data FROM assignment_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER assignments_tell_update AFTER UPDATE OF driver, state, deadline, next, receipts ON assignments BEGIN
    UPDATE assignments SET version = version + 1 WHERE fleet = NEW.fleet AND id = NEW.id AND NEW.version = OLD.version;
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT CASE WHEN NEW.state = OLD.state THEN 'assignment.updated' ELSE 'assignment.' || NEW.state END, name, NEW.fleet, 'assignment', NEW.id,
            (SELECT data FROM assignment_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER assignments_tell_delete AFTER DELETE ON assignments BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'assignment.deleted', name, OLD.fleet, 'assignment', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER drivers_tell_insert AFTER INSERT ON drivers BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'driver.created', name, NEW.fleet, 'driver', NEW.driver,
            (SELECT data FROM driver_data WHERE fleet = NEW.fleet AND id = NEW.driver) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER drivers_tell_update AFTER UPDATE OF name, duty ON drivers WHEN NEW.name <> OLD.name OR NEW.duty <> OLD.duty BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'driver.updated', name, NEW.fleet, 'driver', NEW.driver,
            (SELECT data FROM driver_data WHERE fleet = NEW.fleet AND id = NEW.driver) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER drivers_tell_delete AFTER DELETE ON drivers BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'driver.deleted', name, OLD.fleet, 'driver', OLD.driver,
            json_object('id', OLD.driver) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER devices_tell_insert AFTER INSERT ON devices BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'device.created', name, NEW.fleet, 'device', NEW.id,
            (SELECT data FROM device_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER devices_tell_update AFTER UPDATE ON devices BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'device.updated', name, NEW.fleet, 'device', NEW.id,
            (SELECT data FROM device_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER devices_tell_delete AFTER DELETE ON devices BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'device.deleted', name, OLD.fleet, 'device', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER geofences_tell_insert AFTER INSERT ON geofences BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'geofence.created', name, NEW.fleet, 'geofence', NEW.id,
            (SELECT data FROM geofence_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER geofences_tell_update AFTER UPDATE ON geofences BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'geofence.updated', name, NEW.fleet, 'geofence', NEW.id,
            (SELECT data FROM geofence_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER geofences_tell_delete AFTER DELETE ON geofences BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'geofence.deleted', name, OLD.fleet, 'geofence', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER alerts_tell_insert AFTER INSERT ON alerts BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'alert.opened', name, NEW.fleet, 'alert', NEW.id,
            (SELECT data FROM alert_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER alerts_tell_update AFTER UPDATE OF severity, detail, acked_at, acked_by, closed_at ON alerts BEGIN
    UPDATE alerts SET version = version + 1 WHERE fleet = NEW.fleet AND id = NEW.id AND NEW.version = OLD.version;
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT CASE WHEN NEW.closed_at IS NOT NULL AND OLD.closed_at IS NULL THEN 'alert.closed' WHEN NEW.acked_at IS NOT NULL AND OLD.acked_at IS NULL THEN 'alert.acknowledged' ELSE 'alert.updated' END, name, NEW.fleet, 'alert', NEW.id,
            (SELECT data FROM alert_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER alerts_tell_delete AFTER DELETE ON alerts BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'alert.deleted', name, OLD.fleet, 'alert', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER commands_tell_insert AFTER INSERT ON commands BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'command.sent', name, NEW.fleet, 'command', NEW.id,
            (SELECT data FROM command_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER driver_configs_tell_insert AFTER INSERT ON driver_configs BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'driver.config', name, NEW.fleet, 'driver', NEW.driver,
            (SELECT data FROM driver_config_data WHERE fleet = NEW.fleet AND id = NEW.driver) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER driver_configs_tell_update AFTER UPDATE ON driver_configs BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'driver.config', name, NEW.fleet, 'driver', NEW.driver,
            (SELECT data FROM driver_config_data WHERE fleet = NEW.fleet AND id = NEW.driver) FROM acting;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER driver_configs_tell_update;
DROP TRIGGER driver_configs_tell_insert;
DROP TRIGGER commands_tell_insert;
DROP TRIGGER alerts_tell_delete;
DROP TRIGGER alerts_tell_update;
DROP TRIGGER alerts_tell_insert;
DROP TRIGGER geofences_tell_delete;
DROP TRIGGER geofences_tell_update;
DROP TRIGGER geofences_tell_insert;
DROP TRIGGER devices_tell_delete;
DROP TRIGGER devices_tell_update;
DROP TRIGGER devices_tell_insert;
DROP TRIGGER drivers_tell_delete;
DROP TRIGGER drivers_tell_update;
DROP TRIGGER drivers_tell_insert;
DROP TRIGGER assignments_tell_delete;
DROP TRIGGER assignments_tell_update;
DROP TRIGGER assignments_tell_insert;
DROP TRIGGER shipments_tell_delete;
DROP TRIGGER shipments_tell_update;
DROP TRIGGER shipments_tell_insert;
DROP VIEW driver_config_data;
DROP VIEW command_data;
DROP VIEW geofence_data;
DROP VIEW alert_data;
DROP VIEW device_data;
DROP VIEW driver_data;
DROP VIEW assignment_data;
DROP VIEW shipment_data;
DROP TABLE acting;
DROP TABLE feed_positions;
DROP TABLE events;
