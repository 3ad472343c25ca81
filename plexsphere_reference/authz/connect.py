"""Chooses the backend that the settings name; the other one's libraries are not imported."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from plexsphere_reference.authz.model import Authorizer
from plexsphere_reference.settings import Settings
from plexsphere_reference.store.database import Database

SCHEMA: Final = Path(__file__).parents[1] / "schema" / "authz.zed"


def connect(settings: Settings, database: Database) -> Authorizer:
    """SpiceDB where an endpoint is set, else the same schema evaluated over Postgres."""
    text = SCHEMA.read_text()
    if settings.spicedb_endpoint:
        from plexsphere_reference.authz.spicedb import SpiceDBAuthorizer

        return SpiceDBAuthorizer(settings.spicedb_endpoint, settings.spicedb_preshared_key, text)
    from plexsphere_reference.authz.parser import parse
    from plexsphere_reference.authz.postgres import PostgresAuthorizer

    return PostgresAuthorizer(database, parse(text))
