"""Who calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

Credential: TypeAlias = Literal["session", "token", "nsk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller: a user by a session or an API token, or a Node by its NSK.

    ``credential_id`` is the session's, the token's or the Node's id; ``external_subject`` is the IdP's ``sub`` of a
    user and the Node's id of a Node.
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
        """``user:<uuid>``, as relation tuples and cursors name it."""
        return f"{self.kind}:{self.id}"
