-- Tenancy: Domains, Projects, Resources, IdP bindings, users, groups. Core Postgres only, no extension.
CREATE SCHEMA IF NOT EXISTS plexsphere;

CREATE TABLE plexsphere.domains (
    id                 uuid PRIMARY KEY,
    name               text NOT NULL,
    slug               text NOT NULL,
    description        text NOT NULL DEFAULT '',
    region             text,
    mesh_cidr          cidr NOT NULL,
    heartbeat_interval interval NOT NULL DEFAULT '30 seconds',
    stale_after        interval NOT NULL DEFAULT '90 seconds',
    unreachable_after  interval NOT NULL DEFAULT '300 seconds',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT domains_slug_uq UNIQUE (slug),
    CONSTRAINT domains_mesh_cidr_excl EXCLUDE USING gist (mesh_cidr inet_ops WITH &&)
);

CREATE TABLE plexsphere.projects (
    id             uuid PRIMARY KEY,
    domain_id      uuid NOT NULL CONSTRAINT projects_domain_fk REFERENCES plexsphere.domains (id) ON DELETE RESTRICT,
    name           text NOT NULL,
    slug           text NOT NULL,
    description    text NOT NULL DEFAULT '',
    sub_range_cidr cidr,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT projects_domain_slug_uq UNIQUE (domain_id, slug),
    CONSTRAINT projects_domain_id_uq UNIQUE (domain_id, id)
);
CREATE INDEX projects_slug_idx ON plexsphere.projects (slug, id);

CREATE TABLE plexsphere.resources (
    id           uuid PRIMARY KEY,
    project_id   uuid NOT NULL,
    domain_id    uuid NOT NULL,
    kind         text NOT NULL,
    external_ref text,
    origin       text NOT NULL CHECK (origin IN ('adopted', 'provisioned')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT resources_project_fk FOREIGN KEY (domain_id, project_id)
        REFERENCES plexsphere.projects (domain_id, id) ON DELETE RESTRICT,
    CONSTRAINT resources_project_external_ref_uq UNIQUE (project_id, external_ref)
);
CREATE INDEX resources_oldest_idx ON plexsphere.resources (project_id, id);

CREATE TABLE plexsphere.idp_bindings (
    id                uuid PRIMARY KEY,
    domain_id         uuid NOT NULL CONSTRAINT idp_bindings_domain_fk
                      REFERENCES plexsphere.domains (id) ON DELETE RESTRICT,
    issuer            text NOT NULL,
    client_id         text NOT NULL,
    client_secret_ref text NOT NULL,
    discovery_url     text NOT NULL,
    claim_mappings    jsonb NOT NULL DEFAULT '{}',
    required_acr      text[] NOT NULL DEFAULT '{}',
    required_amr      text[] NOT NULL DEFAULT '{}',
    jit_policy        text NOT NULL CHECK (jit_policy IN ('allow', 'deny')),
    status            text NOT NULL DEFAULT 'active'
                      CHECK (status IN ('active', 'inactive', 'degraded', 'deactivated')),
    alias             text,
    is_primary        boolean NOT NULL DEFAULT false,
    version           bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idp_bindings_domain_id_uq UNIQUE (domain_id, id)
);
CREATE UNIQUE INDEX idp_bindings_active_domain_issuer_uq ON plexsphere.idp_bindings (domain_id, issuer)
    WHERE status = 'active';
CREATE UNIQUE INDEX idp_bindings_active_domain_alias_uq ON plexsphere.idp_bindings (domain_id, alias)
    WHERE status = 'active';
CREATE UNIQUE INDEX idp_bindings_active_domain_primary_uq ON plexsphere.idp_bindings (domain_id)
    WHERE status = 'active' AND is_primary;

CREATE TABLE plexsphere.users (
    id               uuid PRIMARY KEY,
    domain_id        uuid NOT NULL CONSTRAINT users_domain_fk
                     REFERENCES plexsphere.domains (id) ON DELETE RESTRICT,
    external_subject text NOT NULL,
    email            text,
    display_name     text NOT NULL,
    last_sign_in_at  timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_domain_external_subject_uq UNIQUE (domain_id, external_subject)
);
CREATE INDEX users_newest_idx ON plexsphere.users (domain_id, created_at DESC, id DESC);

CREATE TABLE plexsphere.groups (
    id              uuid PRIMARY KEY,
    domain_id       uuid NOT NULL CONSTRAINT groups_domain_fk
                    REFERENCES plexsphere.domains (id) ON DELETE RESTRICT,
    slug            text NOT NULL,
    display_name    text NOT NULL,
    source          text NOT NULL CHECK (source IN ('manual', 'idp')),
    idp_binding_id  uuid,
    idp_claim_value text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT groups_domain_slug_uq UNIQUE (domain_id, slug),
    CONSTRAINT groups_domain_binding_fk FOREIGN KEY (domain_id, idp_binding_id)
        REFERENCES plexsphere.idp_bindings (domain_id, id)
);
