-- The size of the database is noted every hour.

-- +goose Up
ALTER TABLE usage_days RENAME TO usage;
ALTER TABLE usage RENAME COLUMN day TO at;
ALTER TABLE usage ALTER COLUMN at TYPE timestamptz USING at AT TIME ZONE 'UTC';

-- +goose Down
DELETE FROM usage WHERE at <> date_trunc('day', at, 'UTC');
ALTER TABLE usage ALTER COLUMN at TYPE date USING (at AT TIME ZONE 'UTC')::date;
ALTER TABLE usage RENAME COLUMN at TO day;
ALTER TABLE usage RENAME TO usage_days;
