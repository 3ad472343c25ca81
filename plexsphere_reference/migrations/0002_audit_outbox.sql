-- The audit chains (one per Domain, one of the platform under the nil UUID) and the outbox.
CREATE TABLE plexsphere.audit_chains (
    chain_id  uuid PRIMARY KEY,
    last_seq  bigint NOT NULL DEFAULT 0,
    last_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
);

CREATE TABLE plexsphere.audit_entries (
    chain_id        uuid NOT NULL,
    seq             bigint NOT NULL,
    occurred_at     timestamptz NOT NULL,
    reason          text NOT NULL,
    subject         text NOT NULL,
    identity_id_ref uuid,
    relation        text NOT NULL,
    object_type     text NOT NULL,
    object_id       text NOT NULL,
    caveat_context  jsonb NOT NULL DEFAULT '{}',
    correlation_id  text NOT NULL,
    ip              text,
    user_agent      text,
    prev_hash       bytea NOT NULL,
    entry_hash      bytea NOT NULL,
    PRIMARY KEY (chain_id, seq)
);
CREATE INDEX audit_entries_relation_idx ON plexsphere.audit_entries (chain_id, relation, seq);

-- Exactly one row for each write of an aggregate, in the write's own transaction.
CREATE TABLE plexsphere.outbox_events (
    seq            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             uuid NOT NULL UNIQUE,
    domain_id      uuid,
    aggregate_type text NOT NULL,
    aggregate_id   uuid NOT NULL,
    event_type     text NOT NULL,
    payload        jsonb NOT NULL,
    occurred_at    timestamptz NOT NULL DEFAULT now(),
    published_at   timestamptz
);
CREATE INDEX outbox_events_unpublished_idx ON plexsphere.outbox_events (seq) WHERE published_at IS NULL;

CREATE TABLE plexsphere.sse_relay_cursor (
    stream_name        text PRIMARY KEY,
    last_published_seq bigint NOT NULL
);
