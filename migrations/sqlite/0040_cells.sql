-- The square of a grid of a twentieth of a degree that a driver is in (package
-- column). It is written only when it changes: SQLite would rewrite the entry of
-- a generated column in the index with each position.

-- +goose Up
ALTER TABLE latest ADD COLUMN cell INTEGER NOT NULL DEFAULT 0;
UPDATE latest SET cell = (lat + 900000000) / 500000 * 7201 + (lon + 1800000000) / 500000;
CREATE INDEX latest_cell ON latest (cell);

-- +goose Down
DROP INDEX latest_cell;
ALTER TABLE latest DROP COLUMN cell;
