-- A chain ends with its Domain: what concerns the Domain afterwards belongs to the platform's chain.
ALTER TABLE plexsphere.audit_chains ADD COLUMN closed_at timestamptz;
UPDATE plexsphere.audit_chains SET closed_at = now()
WHERE chain_id <> '00000000-0000-0000-0000-000000000000'
  AND NOT EXISTS (SELECT FROM plexsphere.domains WHERE id = chain_id);
INSERT INTO plexsphere.audit_chains (chain_id) VALUES ('00000000-0000-0000-0000-000000000000') ON CONFLICT DO NOTHING;

-- Look-ups of resources follow relations by name: without reading the table itself.
DROP INDEX plexsphere.relation_tuples_subject_idx;
CREATE INDEX relation_tuples_subject_idx ON plexsphere.relation_tuples (subject_type, subject_id)
    INCLUDE (object_type, object_id, relation);
