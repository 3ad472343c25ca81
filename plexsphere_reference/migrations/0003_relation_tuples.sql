-- Relation tuples, read by the evaluator that stands in for SpiceDB. With SpiceDB configured the table stays empty.
-- The names are SpiceDB's: <object_type>:<object_id>#<relation>@<subject_type>:<subject_id>[#<subject_relation>].
CREATE TABLE plexsphere.relation_tuples (
    object_type      text NOT NULL,
    object_id        text NOT NULL,
    relation         text NOT NULL,
    subject_type     text NOT NULL,
    subject_id       text NOT NULL,
    subject_relation text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT now(),
    -- In the order in which a check asks: what is this subject to this object?
    PRIMARY KEY (object_type, object_id, subject_type, subject_id, subject_relation, relation)
);

-- The tuples that lead on from an object, to groups and parents. A Domain has thousands of members and few of these:
-- a check must never read the former to find the latter. authz/postgres.py repeats the condition word for word.
CREATE INDEX relation_tuples_edges_idx ON plexsphere.relation_tuples (object_type, object_id)
    INCLUDE (relation, subject_type, subject_id, subject_relation)
    WHERE subject_relation <> '' OR subject_type NOT IN ('user', 'serviceaccount');

-- From a subject to what it may reach: look-ups of resources.
CREATE INDEX relation_tuples_subject_idx ON plexsphere.relation_tuples (subject_type, subject_id)
    INCLUDE (object_type, object_id);
