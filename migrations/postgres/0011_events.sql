-- Every change writes its event into the outbox in the same transaction, whoever
-- makes it. The relay moves events from the outbox to the feed, one transaction
-- at a time, and only there they get their cursors: numbers that are given
-- before the commit would let a reader pass one that commits late.
--
-- Events of one entity are in the order of their commits: the row's lock is held
-- from before the outbox's number is drawn until the commit.

-- +goose Up
CREATE TABLE outbox (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor     text NOT NULL,
    fleet     text NOT NULL,
    entity    text NOT NULL,
    entity_id text NOT NULL,
    data      jsonb NOT NULL
);

CREATE TABLE events (
    cursor    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL,
    at        timestamptz NOT NULL,
    actor     text NOT NULL,
    fleet     text COLLATE "C" NOT NULL,
    entity    text NOT NULL,
    entity_id text NOT NULL,
    data      jsonb NOT NULL
);

CREATE INDEX events_fleet ON events (fleet, cursor);
CREATE INDEX events_at ON events (at);

-- How far each reader of the feed is.
CREATE TABLE feed_positions (
    reader text PRIMARY KEY,
    cursor bigint NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('dray_events', '');
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER wake AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();
CREATE TRIGGER wake AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();

-- Who acts: the program says it for each transaction, others are known by their
-- role in the database.
-- +goose StatementBegin
CREATE FUNCTION actor() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('dray.actor', true), ''), session_user)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION rfc3339(t timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
-- +goose StatementEnd

-- What is changed by hand does not count its versions: do it here.
-- +goose StatementBegin
CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.version = OLD.version THEN
        NEW.version := OLD.version + 1;
        IF TG_TABLE_NAME = 'shipments' THEN
            NEW.updated_at := now();
            IF NEW.status <> OLD.status THEN
                INSERT INTO shipment_events (fleet, shipment, status, at, received_at, actor, source)
                VALUES (NEW.fleet, NEW.id, NEW.status, now(), now(), actor(), 'sql');
            END IF;
        END IF;
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd

CREATE TRIGGER count_version BEFORE UPDATE ON shipments FOR EACH ROW EXECUTE FUNCTION count_version();
CREATE TRIGGER count_version BEFORE UPDATE ON assignments FOR EACH ROW EXECUTE FUNCTION count_version();
CREATE TRIGGER count_version BEFORE UPDATE ON alerts FOR EACH ROW EXECUTE FUNCTION count_version();

-- +goose StatementBegin
CREATE FUNCTION shipment_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r shipments := coalesce(NEW, OLD);
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES (
        'shipment.' || CASE
            WHEN TG_OP = 'INSERT' THEN 'created'
            WHEN TG_OP = 'DELETE' THEN 'deleted'
            WHEN NEW.status = OLD.status THEN 'updated'
            WHEN NEW.status = 'created' THEN 'unassigned'
            ELSE NEW.status
        END,
        actor(), r.fleet, 'shipment', r.id,
        jsonb_build_object('id', r.id, 'reference', r.reference, 'status', r.status, 'driver', nullif(r.driver, ''),
            'pickup', r.pickup, 'dropoff', r.dropoff, 'note', r.note, 'version', r.version,
            'created_at', rfc3339(r.created_at), 'updated_at', rfc3339(r.updated_at)));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON shipments FOR EACH ROW EXECUTE FUNCTION shipment_event();

-- +goose StatementBegin
CREATE FUNCTION assignment_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r assignments := coalesce(NEW, OLD);
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES (
        'assignment.' || CASE
            WHEN TG_OP = 'INSERT' THEN NEW.state
            WHEN TG_OP = 'DELETE' THEN 'deleted'
            WHEN NEW.state = OLD.state THEN 'updated'
            ELSE NEW.state
        END,
        actor(), r.fleet, 'assignment', r.id,
        jsonb_build_object('id', r.id, 'shipment', r.shipment, 'driver', r.driver, 'state', r.state,
            'deadline', rfc3339(r.deadline), 'receipts', r.receipts, 'version', r.version));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON assignments FOR EACH ROW EXECUTE FUNCTION assignment_event();

-- Positions and presence have ways of their own.
-- +goose StatementBegin
CREATE FUNCTION driver_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r drivers := coalesce(NEW, OLD);
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES (
        'driver.' || CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted' ELSE 'updated' END,
        actor(), r.fleet, 'driver', r.driver,
        jsonb_build_object('id', r.driver, 'name', r.name, 'duty', nullif(r.duty, '')));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell AFTER INSERT OR DELETE ON drivers FOR EACH ROW EXECUTE FUNCTION driver_event();
CREATE TRIGGER tell_update AFTER UPDATE OF name, duty ON drivers FOR EACH ROW
    WHEN (NEW.name <> OLD.name OR NEW.duty <> OLD.duty) EXECUTE FUNCTION driver_event();

-- +goose StatementBegin
CREATE FUNCTION device_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r devices := coalesce(NEW, OLD);
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES (
        'device.' || CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted' ELSE 'updated' END,
        actor(), r.fleet, 'device', r.id,
        jsonb_build_object('id', r.id, 'kind', r.kind, 'driver', nullif(r.driver, ''), 'name', r.name, 'disabled', r.disabled));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON devices FOR EACH ROW EXECUTE FUNCTION device_event();

-- +goose StatementBegin
CREATE FUNCTION alert_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r alerts := coalesce(NEW, OLD);
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES (
        'alert.' || CASE
            WHEN TG_OP = 'INSERT' THEN 'opened'
            WHEN TG_OP = 'DELETE' THEN 'deleted'
            WHEN NEW.closed_at IS NOT NULL AND OLD.closed_at IS NULL THEN 'closed'
            WHEN NEW.acked_at IS NOT NULL AND OLD.acked_at IS NULL THEN 'acknowledged'
            ELSE 'updated'
        END,
        actor(), r.fleet, 'alert', r.id,
        jsonb_build_object('id', r.id, 'kind', r.kind, 'driver', nullif(r.driver, ''), 'subject', nullif(r.subject, ''),
            'severity', r.severity, 'detail', r.detail, 'opened_at', rfc3339(r.opened_at), 'acked_at', rfc3339(r.acked_at),
            'acked_by', nullif(r.acked_by, ''), 'closed_at', rfc3339(r.closed_at), 'version', r.version));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON alerts FOR EACH ROW EXECUTE FUNCTION alert_event();

-- +goose StatementBegin
CREATE FUNCTION geofence_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r geofences := coalesce(NEW, OLD);
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES (
        'geofence.' || CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted' ELSE 'updated' END,
        actor(), r.fleet, 'geofence', r.id, jsonb_build_object('id', r.id, 'name', r.name) || r.area);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON geofences FOR EACH ROW EXECUTE FUNCTION geofence_event();

-- +goose StatementBegin
CREATE FUNCTION command_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES ('command.sent', actor(), NEW.fleet, 'command', NEW.id,
        jsonb_build_object('id', NEW.id, 'driver', NEW.driver, 'action', NEW.action, 'text', nullif(NEW.text, ''), 'at', rfc3339(NEW.created_at)));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell AFTER INSERT ON commands FOR EACH ROW EXECUTE FUNCTION command_event();

-- +goose StatementBegin
CREATE FUNCTION driver_config_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES ('driver.config', actor(), NEW.fleet, 'driver', NEW.driver,
        jsonb_build_object('interval_s', nullif(NEW.interval_s, 0), 'distance_m', nullif(NEW.distance_m, 0)));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell AFTER INSERT OR UPDATE ON driver_configs FOR EACH ROW EXECUTE FUNCTION driver_config_event();

-- +goose Down
DROP TRIGGER tell ON drivers;
DROP TRIGGER tell_update ON drivers;
DROP TRIGGER tell ON shipments;
DROP TRIGGER tell ON assignments;
DROP TRIGGER tell ON devices;
DROP TRIGGER tell ON alerts;
DROP TRIGGER tell ON geofences;
DROP TRIGGER tell ON commands;
DROP TRIGGER tell ON driver_configs;
DROP TRIGGER count_version ON shipments;
DROP TRIGGER count_version ON assignments;
DROP TRIGGER count_version ON alerts;
DROP FUNCTION shipment_event;
DROP FUNCTION assignment_event;
DROP FUNCTION driver_event;
DROP FUNCTION device_event;
DROP FUNCTION alert_event;
DROP FUNCTION geofence_event;
DROP FUNCTION command_event;
DROP FUNCTION driver_config_event;
DROP FUNCTION count_version;
DROP FUNCTION rfc3339;
DROP FUNCTION actor;
DROP TABLE feed_positions;
DROP TABLE events;
DROP TABLE outbox;
DROP FUNCTION wake_relay;
