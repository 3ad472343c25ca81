"""Who may do what: SpiceDB, or the same ``schema/authz.zed`` evaluated over Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from plexsphere_reference.authz.model import (
    Authorizer,
    AuthzRejected,
    AuthzUnavailable,
    Decision,
    Relationship,
)

if TYPE_CHECKING:
    from plexsphere_reference.authz.postgres import Rows

__all__ = [
    "SCHEMA",
    "Authorizer",
    "AuthzRejected",
    "AuthzUnavailable",
    "Decision",
    "Relationship",
    "open_authorizer",
]

SCHEMA: Final = Path(__file__).parents[1] / "schema" / "authz.zed"


def open_authorizer(rows: Rows, *, spicedb_endpoint: str | None, spicedb_preshared_key: str) -> Authorizer:
    """SpiceDB where an endpoint is configured, else the evaluator over ``rows``.

    Call it inside the running event loop, and :meth:`~Authorizer.close` the result in the same.
    """
    text = SCHEMA.read_text(encoding="utf-8")
    if spicedb_endpoint:
        from plexsphere_reference.authz.spicedb import SpiceDBAuthorizer

        return SpiceDBAuthorizer(spicedb_endpoint, spicedb_preshared_key, text)
    from plexsphere_reference.authz.parser import parse
    from plexsphere_reference.authz.postgres import PostgresAuthorizer

    return PostgresAuthorizer(rows, parse(text))
