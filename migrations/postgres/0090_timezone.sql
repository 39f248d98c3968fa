-- The time zone in which a fleet's days begin and its hours are shown.

-- +goose Up
ALTER TABLE fleets ADD COLUMN time_zone text NOT NULL DEFAULT ''; -- IANA name; '' is not set

-- +goose Down
ALTER TABLE fleets DROP COLUMN time_zone;
