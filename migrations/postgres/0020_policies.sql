-- How dense the history of a fleet is kept, or, with a driver, of that one.

-- +goose Up
CREATE TABLE policies (
    fleet           text COLLATE "C" NOT NULL REFERENCES fleets (id),
    driver          text COLLATE "C" NOT NULL, -- '' is the whole fleet
    min_interval_us bigint NOT NULL,
    PRIMARY KEY (fleet, driver)
);

-- +goose Down
DROP TABLE policies;
