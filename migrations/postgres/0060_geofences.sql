-- Who is in which geofence, and a count of changes of geofences by which a
-- reader knows that it has to read them again.

-- +goose Up
CREATE TABLE geofence_watches (
    fleet  text COLLATE "C" NOT NULL,
    driver text COLLATE "C" NOT NULL,
    fix_at timestamptz NOT NULL,           -- of the newest fix that was looked at
    visits jsonb NOT NULL DEFAULT '{}',    -- by geofence, of those that the driver is in
    PRIMARY KEY (fleet, driver)
) WITH (fillfactor = 40);

CREATE TABLE geofence_changes (
    n bigint NOT NULL
);

INSERT INTO geofence_changes (n) VALUES (1);

-- +goose StatementBegin
CREATE FUNCTION count_geofence_change() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE geofence_changes SET n = n + 1;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE ON geofences FOR EACH STATEMENT EXECUTE FUNCTION count_geofence_change();

-- +goose Down
DROP TRIGGER count_change ON geofences;
DROP FUNCTION count_geofence_change;
DROP TABLE geofence_changes;
DROP TABLE geofence_watches;
