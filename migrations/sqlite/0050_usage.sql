-- The size of the database is noted every hour.

-- +goose Up
ALTER TABLE usage_days RENAME TO usage;
ALTER TABLE usage RENAME COLUMN day TO at;

-- +goose Down
DELETE FROM usage WHERE at % 86400000000 <> 0;
ALTER TABLE usage RENAME COLUMN at TO day;
ALTER TABLE usage RENAME TO usage_days;
