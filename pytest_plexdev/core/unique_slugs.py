"""Unique slugs for the objects that tests create."""

from __future__ import annotations

import re
import secrets
from typing import Final

DOMAIN_PREFIX: Final = "t"
"""Prefix of the slug of a test's Domain."""
_BYTES: Final = 5
_TEST_DOMAIN: Final = re.compile(rf"{DOMAIN_PREFIX}-[0-9a-f]{{{2 * _BYTES}}}")


def unique_slug(prefix: str) -> str:
    """Return a unique slug with 40 random bits."""
    return f"{prefix}-{secrets.token_hex(_BYTES)}"


def is_test_domain(slug: str) -> bool:
    """Whether a Domain with this slug was created by a test."""
    return _TEST_DOMAIN.fullmatch(slug) is not None
