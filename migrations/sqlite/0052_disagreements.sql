-- When two sources of a driver last put it in different places; null while they agree.

-- +goose Up
ALTER TABLE drivers ADD COLUMN disagreed_at INTEGER;

-- +goose Down
ALTER TABLE drivers DROP COLUMN disagreed_at;
