-- One WireGuard key is one Node of a Domain. Of Nodes that registered with one key before this was so, the first keeps it.
UPDATE plexsphere.nodes later SET lifecycle = 'deregistered'
 WHERE lifecycle <> 'deregistered' AND EXISTS (
     SELECT FROM plexsphere.nodes first
      WHERE first.domain_id = later.domain_id AND first.public_key = later.public_key
        AND first.lifecycle <> 'deregistered' AND first.id < later.id);
-- A Node that is deregistered does not hold its key.
CREATE UNIQUE INDEX nodes_domain_public_key_uq ON plexsphere.nodes (domain_id, public_key)
 WHERE lifecycle <> 'deregistered';
