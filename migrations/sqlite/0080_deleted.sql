-- What is deleted is told as it last was, as on PostgreSQL: an alert's topic is
-- its kind, which an id alone does not say.

-- +goose Up
DROP TRIGGER shipments_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER shipments_tell_delete BEFORE DELETE ON shipments BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'shipment.deleted', name, OLD.fleet, 'shipment', OLD.id,
            (SELECT data FROM shipment_data WHERE fleet = OLD.fleet AND id = OLD.id) FROM acting;
END;
-- +goose StatementEnd

DROP TRIGGER assignments_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER assignments_tell_delete BEFORE DELETE ON assignments BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'assignment.deleted', name, OLD.fleet, 'assignment', OLD.id,
            (SELECT data FROM assignment_data WHERE fleet = OLD.fleet AND id = OLD.id) FROM acting;
END;
-- +goose StatementEnd

DROP TRIGGER drivers_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER drivers_tell_delete BEFORE DELETE ON drivers BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'driver.deleted', name, OLD.fleet, 'driver', OLD.driver,
            (SELECT data FROM driver_data WHERE fleet = OLD.fleet AND id = OLD.driver) FROM acting;
END;
-- +goose StatementEnd

DROP TRIGGER devices_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER devices_tell_delete BEFORE DELETE ON devices BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'device.deleted', name, OLD.fleet, 'device', OLD.id,
            (SELECT data FROM device_data WHERE fleet = OLD.fleet AND id = OLD.id) FROM acting;
END;
-- +goose StatementEnd

DROP TRIGGER geofences_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER geofences_tell_delete BEFORE DELETE ON geofences BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'geofence.deleted', name, OLD.fleet, 'geofence', OLD.id,
            (SELECT data FROM geofence_data WHERE fleet = OLD.fleet AND id = OLD.id) FROM acting;
END;
-- +goose StatementEnd

DROP TRIGGER alerts_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER alerts_tell_delete BEFORE DELETE ON alerts BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'alert.deleted', name, OLD.fleet, 'alert', OLD.id,
            (SELECT data FROM alert_data WHERE fleet = OLD.fleet AND id = OLD.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER shipments_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER shipments_tell_delete AFTER DELETE ON shipments BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'shipment.deleted', name, OLD.fleet, 'shipment', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd
DROP TRIGGER assignments_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER assignments_tell_delete AFTER DELETE ON assignments BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'assignment.deleted', name, OLD.fleet, 'assignment', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd
DROP TRIGGER drivers_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER drivers_tell_delete AFTER DELETE ON drivers BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'driver.deleted', name, OLD.fleet, 'driver', OLD.driver,
            json_object('id', OLD.driver) FROM acting;
END;
-- +goose StatementEnd
DROP TRIGGER devices_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER devices_tell_delete AFTER DELETE ON devices BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'device.deleted', name, OLD.fleet, 'device', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd
DROP TRIGGER geofences_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER geofences_tell_delete AFTER DELETE ON geofences BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'geofence.deleted', name, OLD.fleet, 'geofence', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd
DROP TRIGGER alerts_tell_delete;
-- +goose StatementBegin
CREATE TRIGGER alerts_tell_delete AFTER DELETE ON alerts BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'alert.deleted', name, OLD.fleet, 'alert', OLD.id,
            json_object('id', OLD.id) FROM acting;
END;
-- +goose StatementEnd
