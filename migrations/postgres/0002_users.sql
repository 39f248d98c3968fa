-- +goose Up
CREATE TABLE users (
    fleet         text COLLATE "C" NOT NULL REFERENCES fleets (id),
    id            text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    role          text NOT NULL,
    password_hash text NOT NULL,
    disabled      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (fleet, id),
    UNIQUE (fleet, name)
);

CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY,
    family     text NOT NULL,
    fleet      text NOT NULL,
    user_id    text NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at   timestamptz,
    revoked    boolean NOT NULL DEFAULT false
);

CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON refresh_tokens (fleet, user_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE revocations (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fleet      text NOT NULL,
    jti        text NOT NULL,
    subject    text NOT NULL,
    before     timestamptz,
    expires_at timestamptz NOT NULL
);

CREATE INDEX revocations_expiry ON revocations (expires_at);

CREATE TABLE audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    fleet     text COLLATE "C" NOT NULL,
    actor     text NOT NULL,
    action    text NOT NULL,
    entity    text NOT NULL,
    entity_id text NOT NULL,
    before    text,
    after     text,
    address   text NOT NULL
);

CREATE INDEX audit_fleet ON audit (fleet, id);

-- +goose Down
DROP TABLE audit;
DROP TABLE revocations;
DROP TABLE refresh_tokens;
DROP TABLE users;
