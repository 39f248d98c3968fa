-- How dense the history of a fleet is kept, or, with a driver, of that one.

-- +goose Up
CREATE TABLE policies (
    fleet           TEXT    NOT NULL REFERENCES fleets (id),
    driver          TEXT    NOT NULL, -- '' is the whole fleet
    min_interval_us INTEGER NOT NULL,
    PRIMARY KEY (fleet, driver)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE policies;
