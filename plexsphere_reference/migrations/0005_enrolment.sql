-- Bootstrap tokens, Nodes and their secrets.
CREATE TABLE plexsphere.bootstrap_tokens (
    id                  uuid PRIMARY KEY,
    project_id          uuid NOT NULL CONSTRAINT bootstrap_tokens_project_fk
                        REFERENCES plexsphere.projects (id) ON DELETE CASCADE,
    kind                text NOT NULL CHECK (kind IN ('node', 'bridge')),
    env_prefix          text NOT NULL,
    lookup              text NOT NULL UNIQUE,
    argon2_hash         text NOT NULL,
    issued_at           timestamptz NOT NULL DEFAULT now(),
    expires_at          timestamptz NOT NULL,
    issued_by_user_id   uuid NOT NULL,
    revoked_at          timestamptz,
    consumed_at         timestamptz,
    -- SHA-256: a nonce may be longer than an index entry.
    consumed_nonce      bytea,
    consumed_by_node_id uuid,
    CONSTRAINT bootstrap_tokens_nonce_uq UNIQUE (project_id, consumed_nonce)
);
CREATE INDEX bootstrap_tokens_project_idx ON plexsphere.bootstrap_tokens (project_id, id);

CREATE TABLE plexsphere.nodes (
    id                      uuid PRIMARY KEY,
    domain_id               uuid NOT NULL CONSTRAINT nodes_domain_fk
                            REFERENCES plexsphere.domains (id) ON DELETE RESTRICT,
    project_id              uuid NOT NULL REFERENCES plexsphere.projects (id) ON DELETE RESTRICT,
    resource_id             uuid NOT NULL CONSTRAINT nodes_resource_uq UNIQUE
                            CONSTRAINT nodes_resource_fk
                            REFERENCES plexsphere.resources (id) ON DELETE RESTRICT,
    lifecycle               text NOT NULL DEFAULT 'ready'
                            CHECK (lifecycle IN ('pending', 'enrolling', 'ready', 'deregistered')),
    mesh_ip                 inet NOT NULL,
    public_key              text NOT NULL,
    fallback_endpoint       text,
    binary_version          text,
    reachability            text NOT NULL DEFAULT 'unreachable'
                            CHECK (reachability IN ('healthy', 'stale', 'unreachable')),
    reachability_changed_at timestamptz NOT NULL DEFAULT now(),
    last_heartbeat_at       timestamptz,
    created_at              timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT nodes_domain_mesh_ip_uq UNIQUE (domain_id, mesh_ip)
) WITH (fillfactor = 80); -- A heartbeat rewrites its row in place.
CREATE INDEX nodes_domain_idx ON plexsphere.nodes (domain_id, id);

CREATE TABLE plexsphere.node_secret_keys (
    node_id     uuid PRIMARY KEY REFERENCES plexsphere.nodes (id) ON DELETE CASCADE,
    secret_hash bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
