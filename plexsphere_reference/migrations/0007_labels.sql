-- Label definitions of the platform, a Domain or a Project.
CREATE TABLE plexsphere.label_definitions (
    id                    uuid PRIMARY KEY,
    scope                 text NOT NULL CHECK (scope IN ('platform', 'domain', 'project')),
    scope_id              uuid NOT NULL,
    local_key             text NOT NULL,
    qualified_key         text NOT NULL,
    description           text NOT NULL DEFAULT '',
    value_schema          jsonb NOT NULL,
    applicable_kinds      text[] NOT NULL,
    required              boolean NOT NULL DEFAULT false,
    default_value         jsonb,
    immutable             boolean NOT NULL DEFAULT false,
    cloud_tag_propagation boolean NOT NULL DEFAULT false,
    on_delete             text NOT NULL DEFAULT 'block' CHECK (on_delete IN ('block', 'cascade', 'orphan')),
    cardinality           integer NOT NULL DEFAULT 1,
    created_by            text NOT NULL DEFAULT 'user' CHECK (created_by IN ('user', 'system')),
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT label_definitions_scope_key_uq UNIQUE (scope_id, local_key),
    CONSTRAINT label_definitions_qualified_key_uq UNIQUE (qualified_key)
);
