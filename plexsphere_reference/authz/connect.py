"""Create the configured authorisation backend; the other one is not imported."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from plexsphere_reference.authz.model import Authorizer
    from plexsphere_reference.authz.postgres import Rows
    from plexsphere_reference.authz.schema import Schema
    from plexsphere_reference.settings import Settings

SCHEMA: Final = Path(__file__).parents[1] / "schema" / "authz.zed"


def connect(settings: Settings, rows: Rows) -> Authorizer:
    """Return the SpiceDB client if an endpoint is configured, else the evaluator over ``rows``.

    Does not connect yet. Call this inside the running event loop, and close the result in the same loop.
    """
    if settings.spicedb_endpoint:
        from plexsphere_reference.authz.spicedb import SpiceDBAuthorizer

        return SpiceDBAuthorizer(settings.spicedb_endpoint, settings.spicedb_preshared_key, _text())
    from plexsphere_reference.authz.postgres import PostgresAuthorizer

    return PostgresAuthorizer(rows, installed_schema())


@functools.cache
def installed_schema() -> Schema:
    """Return the schema that either backend evaluates, to check tuples without asking it."""
    from plexsphere_reference.authz.parser import parse

    return parse(_text())


def _text() -> str:
    return SCHEMA.read_text(encoding="utf-8")
