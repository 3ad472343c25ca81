-- Invitations: the relations that a person gets by the next sign-in to the Domain.
CREATE TABLE plexsphere.invitations (
    id               uuid PRIMARY KEY,
    domain_id        uuid NOT NULL CONSTRAINT invitations_domain_fk
                     REFERENCES plexsphere.domains (id) ON DELETE CASCADE,
    external_subject text NOT NULL,
    status           text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'revoked', 'expired')),
    initial_tuples   jsonb NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    accepted_at      timestamptz,
    accepted_user_id uuid REFERENCES plexsphere.users (id) ON DELETE CASCADE,
    revoked_at       timestamptz,
    expired_at       timestamptz
);
CREATE UNIQUE INDEX invitations_pending_uq ON plexsphere.invitations (domain_id, external_subject)
    WHERE status = 'pending';
CREATE INDEX invitations_newest_idx ON plexsphere.invitations (domain_id, created_at DESC, id DESC);
CREATE INDEX invitations_accepted_user_idx ON plexsphere.invitations (accepted_user_id);
