-- Who is in which geofence, and a count of changes of geofences by which a
-- reader knows that it has to read them again.

-- +goose Up
CREATE TABLE geofence_watches (
    fleet  TEXT NOT NULL,
    driver TEXT NOT NULL,
    fix_at INTEGER NOT NULL,          -- of the newest fix that was looked at
    visits TEXT NOT NULL DEFAULT '{}', -- by geofence, of those that the driver is in
    PRIMARY KEY (fleet, driver)
) STRICT, WITHOUT ROWID;

CREATE TABLE geofence_changes (
    n INTEGER NOT NULL
) STRICT;

INSERT INTO geofence_changes (n) VALUES (1);

-- +goose StatementBegin
CREATE TRIGGER geofences_count_insert AFTER INSERT ON geofences BEGIN
    UPDATE geofence_changes SET n = n + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER geofences_count_update AFTER UPDATE ON geofences BEGIN
    UPDATE geofence_changes SET n = n + 1;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER geofences_count_delete AFTER DELETE ON geofences BEGIN
    UPDATE geofence_changes SET n = n + 1;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER geofences_count_delete;
DROP TRIGGER geofences_count_update;
DROP TRIGGER geofences_count_insert;
DROP TABLE geofence_changes;
DROP TABLE geofence_watches;
