"""The forms of an IdP binding's ``client_secret_ref``, and which secrets a binding of a Domain may name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

ENVIRONMENT: Final = "env:"
OPENBAO: Final = "openbao:"
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
"""A segment of a path, or a key. It cannot be ``.`` or ``..``, nor contain ``%``, so it means itself in a URL."""
_IN_OPENBAO: Final = re.compile(
    rf"{OPENBAO}(?P<path>domains/(?P<domain>[0-9a-f-]{{36}})(?:/{_NAME})+)#(?P<key>{_NAME})"
)
_IN_ENVIRONMENT: Final = re.compile(rf"{ENVIRONMENT}(?P<variable>PLEXSPHERE_(?P<name>[A-Z0-9_]+)_CLIENT_SECRET)")


@dataclass(frozen=True)
class OpenBaoReference:
    """``openbao:<path>#<key>``: a key of a secret in the KV v2 engine."""

    path: str
    key: str


@dataclass(frozen=True)
class EnvironmentReference:
    """``env:PLEXSPHERE_<NAME>_CLIENT_SECRET``, paired with the variable of the only URL that may get the secret."""

    variable: str
    discovery_url_variable: str


def openbao_reference(reference: str, *, domain_id: UUID) -> OpenBaoReference | None:
    """Parse an ``openbao:`` reference of a Domain's binding.

    Returns:
        None unless the path is below ``domains/<domain_id>/`` and has that form exactly: a Domain's admin chooses the
        reference, and must not reach another Domain's secrets by it.

    Example::

        >>> domain_id = UUID("01985a00-0000-7000-8000-00000000ac01")
        >>> openbao_reference(f"openbao:domains/{domain_id}/dex#client_secret", domain_id=domain_id).key
        'client_secret'
        >>> openbao_reference(f"openbao:domains/{domain_id}/../other#key", domain_id=domain_id) is None
        True
    """
    found = _IN_OPENBAO.fullmatch(reference)
    if found is None or found["domain"] != str(domain_id):
        return None
    return OpenBaoReference(found["path"], found["key"])


def environment_reference(reference: str) -> EnvironmentReference | None:
    """Parse an ``env:`` reference; None if it does not name a variable of this form."""
    found = _IN_ENVIRONMENT.fullmatch(reference)
    if found is None:
        return None
    return EnvironmentReference(found["variable"], f"PLEXSPHERE_{found['name']}_DISCOVERY_URL")
