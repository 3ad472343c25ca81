"""``migrate up``: apply numbered SQL files once, each in its own transaction. A lock serialises migrators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from plexsphere_reference.log import dev_warning, log
from plexsphere_reference.settings import Settings

_DIRECTORY: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 0x706C6578
"""The key of the advisory lock, the letters "plex". It must be the same in all versions."""
_NEWER: Final = 3
"""Exit code: the database has migrations that this program does not know."""


@dataclass(frozen=True)
class Migration:
    number: int
    name: str
    sql: str


def migrations(directory: Path = _DIRECTORY) -> tuple[Migration, ...]:
    """Return the migrations in ``directory``, sorted by number."""
    files = sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return tuple(Migration(int(file.name[:4]), file.stem[5:], file.read_text(encoding="utf-8")) for file in files)


def main(settings: Settings) -> int:
    """Apply missing migrations. Returns 0 on success, 3 if the database is newer than this program."""
    dev_warning(
        dependency="plexsphere-migrate",
        prod_delta="migrates as the owner of the database; production has a role for migrations alone",
        env=settings.env,
    )
    known = migrations()
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        applied = _applied(connection)
        if unknown := applied - {migration.number for migration in known}:
            log("ERROR", "database is newer than this program", unknown=_numbers(unknown), newest=known[-1].number)
            return _NEWER
        for migration in known:
            if migration.number not in applied:
                _apply(connection, migration)
    log("INFO", "schema is current", version=known[-1].number, applied=len(known) - len(applied))
    return 0


def _applied(connection: psycopg.Connection[tuple[int]]) -> set[int]:
    connection.execute("CREATE SCHEMA IF NOT EXISTS plexsphere")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS plexsphere.schema_migrations"
        " (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    return {row[0] for row in connection.execute("SELECT number FROM plexsphere.schema_migrations")}


def _apply(connection: psycopg.Connection[tuple[int]], migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql.encode())
        connection.execute(
            "INSERT INTO plexsphere.schema_migrations (number, name) VALUES (%s, %s)",
            [migration.number, migration.name],
        )
    log("INFO", "migration-applied", number=migration.number, name=migration.name)


def _numbers(numbers: set[int] | Sequence[int]) -> str:
    return ",".join(str(number) for number in sorted(numbers))
