-- The square of a grid of a twentieth of a degree that a driver is in (package
-- column). It changes so rarely that nearly every update of latest still stays
-- on its page (HOT).

-- +goose Up
ALTER TABLE latest ADD COLUMN cell integer NOT NULL
    GENERATED ALWAYS AS ((lat + 900000000) / 500000 * 7201 + ((lon::bigint + 1800000000) / 500000)::integer) STORED;
CREATE INDEX latest_cell ON latest (cell);

-- +goose Down
ALTER TABLE latest DROP COLUMN cell;
