-- Ed25519 signing keys, one active per scope. Only the signer reads private_key.
CREATE TABLE plexsphere.signing_keys (
    id          uuid PRIMARY KEY,
    scope       text NOT NULL
                CHECK (scope ~ '^(platform|domain:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$'),
    state       text NOT NULL CHECK (state IN ('active', 'rotating', 'retired')),
    public_key  bytea NOT NULL CHECK (octet_length(public_key) = 32),
    private_key bytea CHECK (octet_length(private_key) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    rotated_at  timestamptz,
    retired_at  timestamptz,
    -- A retired key can never sign again: its private half is gone.
    CONSTRAINT signing_keys_retired_has_no_private_key CHECK ((state = 'retired') = (private_key IS NULL))
);
-- These two also decide the race of two signers that create or rotate at once.
CREATE UNIQUE INDEX signing_keys_one_active_uq ON plexsphere.signing_keys (scope) WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_one_rotating_uq ON plexsphere.signing_keys (scope) WHERE state = 'rotating';
