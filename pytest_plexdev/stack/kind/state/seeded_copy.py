"""Copy the seeded database inside Postgres when it is new, and bring that content back for a reset.

The copy is one schema, ``plexdev_seeded``, with a table for each table of the control plane. SpiceDB's tables are in
the schema of those. Its history is kept: a reset is a revision that replaces the relations, as SpiceDB itself would
write it, so neither its caches nor its clients see anything unusual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.changes import NO_SEEDED_COPY
from pytest_plexdev.errors.cluster import COMMAND_FAILED
from pytest_plexdev.stack.kind.constants import NAMESPACE

if TYPE_CHECKING:
    from pytest_plexdev.kube import Access

_PSQL: Final = (
    *("env", "PGPASSWORD=plexsphere", "psql", "-U", "plexsphere", "-d", "plexsphere"),
    *("-qX", "-v", "ON_ERROR_STOP=1", "-f", "-"),
)
_TIMEOUT_S: Final = 30.0
_MARK: Final = "plexdev-reset: "
"""Prefix of the errors that the statements raise."""

_TABLES: Final = """
CREATE OR REPLACE FUNCTION pg_temp.tables() RETURNS SETOF name LANGUAGE sql AS $$
  SELECT tablename FROM pg_tables WHERE schemaname = 'plexsphere' AND tablename NOT IN (
    -- SpiceDB's own, of version 1.39
    'alembic_version', 'caveat', 'metadata', 'namespace_config', 'relation_tuple', 'relation_tuple_transaction',
    'relationship_counter'
  )
$$;
CREATE OR REPLACE FUNCTION pg_temp.columns(of_table name) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
  WHERE attrelid = format('plexsphere.%I', of_table)::regclass AND attnum > 0 AND NOT attisdropped
    AND attgenerated = ''
$$;
"""
_KEEP: Final = """
SET LOCAL client_min_messages = warning;
DROP SCHEMA IF EXISTS plexdev_seeded CASCADE;
CREATE SCHEMA plexdev_seeded;
DO $$
DECLARE each name;
BEGIN
  FOR each IN SELECT pg_temp.tables() LOOP
    EXECUTE format('CREATE TABLE plexdev_seeded.%I AS SELECT %s FROM plexsphere.%I', each, pg_temp.columns(each), each);
  END LOOP;
  CREATE TABLE plexdev_seeded."plexdev sequences" AS
    SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'plexsphere';
  IF to_regclass('plexsphere.relation_tuple') IS NOT NULL THEN
    CREATE TABLE plexdev_seeded.relation_tuple AS
      SELECT * FROM plexsphere.relation_tuple WHERE deleted_xid = '9223372036854775807'::xid8;
    ALTER TABLE plexdev_seeded.relation_tuple DROP COLUMN created_xid, DROP COLUMN deleted_xid;
  END IF;
END $$;
COMMIT;
"""
_RESTORE: Final = """
-- Neither foreign keys nor triggers: the content as a whole is consistent.
SET LOCAL session_replication_role = replica;
SET LOCAL lock_timeout = '5s';
DO $$
DECLARE
  each name;
  row record;
  missing text;
BEGIN
  IF to_regnamespace('plexdev_seeded') IS NULL THEN
    RAISE EXCEPTION 'plexdev-reset: no bring-up has kept a copy of it';
  END IF;
  SELECT string_agg(each_table, ', ') INTO missing FROM pg_temp.tables() AS each_table
  WHERE pg_temp.columns(each_table) IS DISTINCT FROM (
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
    WHERE attrelid = to_regclass(format('plexdev_seeded.%I', each_table)) AND attnum > 0
  );
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'plexdev-reset: a migration has changed these tables since then: %', missing;
  END IF;
  -- A session that was left open in a transaction would keep its locks.
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid();
  EXECUTE (SELECT format('TRUNCATE %s', string_agg(format('plexsphere.%I', t), ', ')) FROM pg_temp.tables() AS t);
  FOR each IN SELECT pg_temp.tables() LOOP
    EXECUTE format(
      'INSERT INTO plexsphere.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM plexdev_seeded.%I',
      each, pg_temp.columns(each), pg_temp.columns(each), each
    );
  END LOOP;
  FOR row IN SELECT * FROM plexdev_seeded."plexdev sequences" LOOP
    PERFORM setval(
      format('plexsphere.%I', row.sequencename)::regclass, coalesce(row.last_value, 1), row.last_value IS NOT NULL
    );
  END LOOP;
  IF to_regclass('plexsphere.relation_tuple') IS NOT NULL THEN
    INSERT INTO plexsphere.relation_tuple_transaction DEFAULT VALUES;
    UPDATE plexsphere.relation_tuple SET deleted_xid = pg_current_xact_id()
    WHERE deleted_xid = '9223372036854775807'::xid8;
    EXECUTE (
      SELECT format('INSERT INTO plexsphere.relation_tuple (%s) SELECT %s FROM plexdev_seeded.relation_tuple', c, c)
      FROM (
        SELECT string_agg(quote_ident(attname), ', ') AS c FROM pg_attribute
        WHERE attrelid = 'plexdev_seeded.relation_tuple'::regclass AND attnum > 0 AND NOT attisdropped
      ) AS columns
    );
  END IF;
END $$;
COMMIT;
"""
KEEP_SQL: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ;{_TABLES}{_KEEP}"
"""Copies the content of the database. It replaces an earlier copy."""
RESTORE_SQL: Final = f"BEGIN;{_TABLES}{_RESTORE}"
"""Brings back the content of the copy, in one transaction."""


def keep(access: Access) -> None:
    """Copy the database, which has just been seeded.

    Raises:
        PlexdevError: ``command-failed``, ``command-unfinished``.
    """
    _run(access, KEEP_SQL, purpose="the seeded database is copied, for a reset")


def restore(access: Access, *, name: str) -> None:
    """Bring back the seeded database.

    Args:
        name: The name of the cluster.

    Raises:
        PlexdevError: ``no-seeded-copy``: there is none, or it has other tables; ``command-failed``,
            ``command-unfinished``.
    """
    try:
        _run(access, RESTORE_SQL, purpose="the seeded database is brought back")
    except PlexdevError as error:
        _, found, reason = error.detail.partition(_MARK)
        if error.failure is not COMMAND_FAILED or not found:
            raise
        anew = f"{' '.join(access.kubectl)} delete pod postgres-0 && plexdev up --stack kind"
        raise PlexdevError(NO_SEEDED_COPY, name=name, reason=reason.splitlines()[0], fix=anew) from None


def _run(access: Access, sql: str, *, purpose: str) -> None:
    argv = [*access.kubectl, "-n", NAMESPACE, "exec", "-i", "statefulset/postgres", "-c", "postgres", "--", *_PSQL]
    run(argv, timeout=_TIMEOUT_S, purpose=purpose, stdin=sql.encode())
