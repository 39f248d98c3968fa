-- +goose Up
CREATE TABLE users (
    fleet         TEXT    NOT NULL REFERENCES fleets (id),
    id            TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    disabled      INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (fleet, id),
    UNIQUE (fleet, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE refresh_tokens (
    hash       BLOB    PRIMARY KEY,
    family     TEXT    NOT NULL,
    fleet      TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_at   INTEGER,
    revoked    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON refresh_tokens (fleet, user_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE revocations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: readers ask for what is after the last
    fleet      TEXT    NOT NULL,
    jti        TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    before     INTEGER,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX revocations_expiry ON revocations (expires_at);

CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    fleet     TEXT    NOT NULL,
    actor     TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    entity    TEXT    NOT NULL,
    entity_id TEXT    NOT NULL,
    before    TEXT,
    after     TEXT,
    address   TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_fleet ON audit (fleet, id);

-- +goose Down
DROP TABLE audit;
DROP TABLE revocations;
DROP TABLE refresh_tokens;
DROP TABLE users;
