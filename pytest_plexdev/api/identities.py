"""``/v1/domains/{id}/identities``: the users and service identities of a Domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport

__tracebackhide__ = hides_its_frames


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An Identity. Only ``get`` by an auditor of the Domain returns ``external_subject`` and ``email``."""

    id: str
    kind: str
    domain_id: str
    display_name: str
    external_subject_pseudonym: str
    created_at: Timestamp
    last_sign_in_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    external_subject: str | None = None
    email: str | None = None


class Identities:
    """The Identities of Domains."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, domain_id: str, *, kind: Literal["user", "service-identity"] | None = None) -> Iterator[Identity]:
        """Iterate over the Identities of a Domain, newest first."""
        return self._transport.pages(f"/v1/domains/{domain_id}/identities", Identity, parameters={"kind": kind})

    def get(self, domain_id: str, principal_id: str) -> Identity:
        """Read an Identity."""
        return self._transport.request("GET", f"/v1/domains/{domain_id}/identities/{principal_id}", Identity)
