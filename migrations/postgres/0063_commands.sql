-- Receipts of commands, and until when they are repeated.

-- +goose Up
ALTER TABLE commands
    ADD COLUMN deadline timestamptz, -- for the first receipt
    ADD COLUMN state text NOT NULL DEFAULT 'sent',
    ADD COLUMN receipts jsonb NOT NULL DEFAULT '[]'; -- at most one of each state

CREATE INDEX commands_deadline ON commands (deadline) WHERE state = 'sent';

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION command_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES (
        'command.' || CASE WHEN TG_OP = 'INSERT' THEN 'sent' WHEN NEW.state = OLD.state THEN 'updated' ELSE NEW.state END,
        actor(), NEW.fleet, 'command', NEW.id,
        jsonb_build_object('id', NEW.id, 'driver', NEW.driver, 'action', NEW.action, 'text', nullif(NEW.text, ''), 'at', rfc3339(NEW.created_at),
            'state', NEW.state, 'deadline', rfc3339(NEW.deadline), 'receipts', NEW.receipts));
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell_update AFTER UPDATE OF state, receipts ON commands FOR EACH ROW EXECUTE FUNCTION command_event();

-- +goose StatementBegin
CREATE FUNCTION driver_config_deleted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES ('driver.config', actor(), OLD.fleet, 'driver', OLD.driver,
        '{"interval_s": null, "distance_m": null}');
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell_delete AFTER DELETE ON driver_configs FOR EACH ROW EXECUTE FUNCTION driver_config_deleted();

-- +goose Down
DROP TRIGGER tell_delete ON driver_configs;
DROP FUNCTION driver_config_deleted;
DROP TRIGGER tell_update ON commands;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION command_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbox (kind, actor, fleet, entity, entity_id, data) VALUES ('command.sent', actor(), NEW.fleet, 'command', NEW.id,
        jsonb_build_object('id', NEW.id, 'driver', NEW.driver, 'action', NEW.action, 'text', nullif(NEW.text, ''), 'at', rfc3339(NEW.created_at)));
    RETURN NULL;
END $$;
-- +goose StatementEnd
DROP INDEX commands_deadline;
ALTER TABLE commands DROP COLUMN deadline, DROP COLUMN state, DROP COLUMN receipts;
