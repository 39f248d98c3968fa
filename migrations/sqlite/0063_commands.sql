-- Receipts of commands, and until when they are repeated.

-- +goose Up
ALTER TABLE commands ADD COLUMN deadline INTEGER; -- for the first receipt
ALTER TABLE commands ADD COLUMN state TEXT NOT NULL DEFAULT 'sent';
ALTER TABLE commands ADD COLUMN receipts TEXT NOT NULL DEFAULT '[]'; -- at most one of each state

CREATE INDEX commands_deadline ON commands (deadline) WHERE state = 'sent';

DROP VIEW command_data;
CREATE VIEW command_data AS SELECT fleet, id, json_object('id', id, 'driver', driver, 'action', action, 'text', nullif(text, ''),
    'at', strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000 / 1e3, 'unixepoch'), 'state', state,
    'deadline', strftime('%Y-%m-%dT%H:%M:%fZ', deadline / 1000 / 1e3, 'unixepoch'), 'receipts', json(receipts)) AS data FROM commands;

-- +goose StatementBegin
CREATE TRIGGER commands_tell_update AFTER UPDATE OF state, receipts ON commands BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT CASE WHEN NEW.state = OLD.state THEN 'command.updated' ELSE 'command.' || NEW.state END, name, NEW.fleet, 'command', NEW.id,
            (SELECT data FROM command_data WHERE fleet = NEW.fleet AND id = NEW.id) FROM acting;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER driver_configs_tell_delete AFTER DELETE ON driver_configs BEGIN
    INSERT INTO events (kind, actor, fleet, entity, entity_id, data)
        SELECT 'driver.config', name, OLD.fleet, 'driver', OLD.driver, json_object('interval_s', NULL, 'distance_m', NULL) FROM acting;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER driver_configs_tell_delete;
DROP TRIGGER commands_tell_update;
DROP VIEW command_data;
CREATE VIEW command_data AS SELECT fleet, id, json_object('id', id, 'driver', driver, 'action', action, 'text', nullif(text, ''),
    'at', strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000 / 1e3, 'unixepoch')) AS data FROM commands;
DROP INDEX commands_deadline;
ALTER TABLE commands DROP COLUMN receipts;
ALTER TABLE commands DROP COLUMN state;
ALTER TABLE commands DROP COLUMN deadline;
