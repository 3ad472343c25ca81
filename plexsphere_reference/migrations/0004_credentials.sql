-- What proves who calls: sessions of browsers, API tokens, and the two sign-in flows under way.
CREATE TABLE plexsphere.token_sessions (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES plexsphere.users (id) ON DELETE CASCADE,
    secret_hash bytea NOT NULL UNIQUE,
    acr         text,
    amr         text[] NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz
);
CREATE INDEX token_sessions_user_idx ON plexsphere.token_sessions (user_id);
CREATE INDEX token_sessions_expires_idx ON plexsphere.token_sessions (expires_at);

CREATE TABLE plexsphere.api_tokens (
    id                uuid PRIMARY KEY,
    user_id           uuid NOT NULL REFERENCES plexsphere.users (id) ON DELETE CASCADE,
    env_prefix        text NOT NULL CHECK (env_prefix IN ('dev', 'stage', 'prod')),
    secret_hash       bytea NOT NULL UNIQUE,
    previous_hash     bytea UNIQUE,
    acr               text,
    amr               text[] NOT NULL DEFAULT '{}',
    created_at        timestamptz NOT NULL DEFAULT now(),
    expires_at        timestamptz NOT NULL,
    last_used_at      timestamptz,
    rotated_at        timestamptz,
    rotation_deadline timestamptz,
    revoked_at        timestamptz
);
CREATE INDEX api_tokens_user_idx ON plexsphere.api_tokens (user_id);

CREATE TABLE plexsphere.sign_ins (
    state         text PRIMARY KEY,
    binding_id    uuid NOT NULL REFERENCES plexsphere.idp_bindings (id) ON DELETE CASCADE,
    nonce         text NOT NULL,
    code_verifier text NOT NULL,
    return_to     text NOT NULL DEFAULT '/',
    expires_at    timestamptz NOT NULL
);
CREATE INDEX sign_ins_expires_idx ON plexsphere.sign_ins (expires_at);

CREATE TABLE plexsphere.device_sessions (
    id               uuid PRIMARY KEY,
    device_code_hash bytea NOT NULL UNIQUE,
    user_code        text NOT NULL UNIQUE,
    binding_id       uuid NOT NULL REFERENCES plexsphere.idp_bindings (id) ON DELETE CASCADE,
    client_id        text,
    interval_seconds integer NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    last_polled_at   timestamptz,
    approved_by      uuid REFERENCES plexsphere.users (id) ON DELETE CASCADE,
    approved_at      timestamptz,
    approved_acr     text,
    approved_amr     text[] NOT NULL DEFAULT '{}',
    spent_at         timestamptz
);
CREATE INDEX device_sessions_expires_idx ON plexsphere.device_sessions (expires_at);
