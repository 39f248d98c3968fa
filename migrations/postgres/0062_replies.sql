-- Answers to requests with an Idempotency-Key. Who has the key can read the
-- body; the database alone cannot.

-- +goose Up
CREATE TABLE replies (
    id           bytea PRIMARY KEY, -- hash of who asks, for what, with which key
    request      bytea NOT NULL,    -- hash of the body
    at           timestamptz NOT NULL,
    status       integer NOT NULL DEFAULT 0, -- 0 while the request runs
    content_type text NOT NULL DEFAULT '',
    etag         text NOT NULL DEFAULT '',
    body         bytea
);

CREATE INDEX replies_at ON replies (at);

-- +goose Down
DROP TABLE replies;
