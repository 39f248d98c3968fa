-- Answers to requests with an Idempotency-Key. Who has the key can read the
-- body; the database alone cannot.

-- +goose Up
CREATE TABLE replies (
    id           BLOB PRIMARY KEY, -- hash of who asks, for what, with which key
    request      BLOB NOT NULL,    -- hash of the body
    at           INTEGER NOT NULL,
    status       INTEGER NOT NULL DEFAULT 0, -- 0 while the request runs
    content_type TEXT NOT NULL DEFAULT '',
    etag         TEXT NOT NULL DEFAULT '',
    body         BLOB
) STRICT;

CREATE INDEX replies_at ON replies (at);

-- +goose Down
DROP TABLE replies;
