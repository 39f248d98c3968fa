-- A notification says which table has new rows, so that moving changes from the
-- outbox to the feed does not wake the one that moves them.

-- +goose Up
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('dray_events', TG_TABLE_NAME);
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Moves up to most changes from the outbox to the feed and returns how many: a
-- whole transaction in one round trip. The lock ends with the transaction, so
-- events get their cursors in the order of these commits.
-- +goose StatementBegin
CREATE FUNCTION sequence_outbox(most int) RETURNS int LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    n int;
BEGIN
    IF NOT EXISTS (SELECT FROM outbox) THEN
        RETURN 0; -- an INSERT of no rows notifies too
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtext('dray.sequence'), hashtext(current_schema())) THEN
        RETURN 0;
    END IF;
    WITH moved AS (DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT most) RETURNING *)
    INSERT INTO events (kind, at, actor, fleet, entity, entity_id, data)
    SELECT kind, at, actor, fleet, entity, entity_id, data FROM moved ORDER BY id;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION sequence_outbox;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('dray_events', '');
    RETURN NULL;
END $$;
-- +goose StatementEnd
