"""The seeded Domains as the runbook reads them from Postgres, told from those that tests made since."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Final

from pytest_plexdev.stack.model import SeededTenant

RUNBOOK_SQL: Final = (
    "SELECT d.slug, d.id, b.id FROM plexsphere.domains d"
    " JOIN plexsphere.idp_bindings b ON b.domain_id = d.id AND b.status = 'active' ORDER BY d.slug"
)
"""Every Domain with an active IdP binding; where tests ran before, theirs are among them."""
DOMAIN_PREFIX: Final = "t"
_BYTES: Final = 5
_OF_A_TEST: Final = re.compile(rf"{DOMAIN_PREFIX}-[0-9a-f]{{{2 * _BYTES}}}")


def unique_slug(prefix: str) -> str:
    """A slug that nobody else has: 40 random bits."""
    return f"{prefix}-{secrets.token_hex(_BYTES)}"


def seeded_of(rows: Iterable[tuple[object, object, object]]) -> tuple[SeededTenant, ...]:
    """The seeded tenants among the rows that :data:`RUNBOOK_SQL` gave."""
    return tuple(
        SeededTenant(slug=str(slug), domain_id=str(domain), binding_id=str(binding))
        for slug, domain, binding in rows
        if not _OF_A_TEST.fullmatch(str(slug))
    )
