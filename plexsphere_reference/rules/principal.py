"""The authenticated caller of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

Credential: TypeAlias = Literal["session", "token", "nsk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller: a user by a session or an API token, or a Node by its NSK.

    ``credential_id`` is the id of the session, token or Node. ``external_subject`` is a user's ``sub`` at the IdP, or
    the Node's id.
    """

    kind: Literal["user", "node"]
    id: UUID
    domain_id: UUID
    external_subject: str
    credential: Credential
    credential_id: UUID
    email: str | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """The reference in relation tuples and cursors: ``user:<uuid>``."""
        return f"{self.kind}:{self.id}"
