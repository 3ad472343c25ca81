"""Let time pass for the reference plane, by making all that it has stored older."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack

# The database's clock decides about all deadlines. The hashes of the audit trail cover its times, and events have been
# published with theirs.
_COLUMNS: Final = """
SELECT table_name, array_agg(column_name::text) FROM information_schema.columns
WHERE table_schema = 'plexsphere' AND data_type = 'timestamp with time zone'
  AND table_name NOT IN ('audit_entries', 'audit_chains', 'outbox_events')
GROUP BY table_name
"""


def age_rows(stack: Stack, seconds: float) -> None:
    """Move every time in the control plane's tables *seconds* into the past, in one transaction.

    Raises:
        PlexdevError: The errors of a connection.
    """
    from psycopg import sql

    from pytest_plexdev.testkit.database import connect

    with connect(stack) as connection, connection.transaction():
        for table, columns in connection.execute(_COLUMNS).fetchall():
            older = [
                sql.SQL("{0} = {0} - make_interval(secs => {1})").format(sql.Identifier(name), sql.Literal(seconds))
                for name in columns
            ]
            connection.execute(
                sql.SQL("UPDATE plexsphere.{} SET {}").format(sql.Identifier(table), sql.SQL(", ").join(older))
            )
