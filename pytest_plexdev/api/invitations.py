"""``/v1/domains/{id}/invitations``: relations for persons who have not signed in yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport

__tracebackhide__ = hides_its_frames


class InitialTuple(msgspec.Struct, frozen=True, kw_only=True):
    """A relation that the person gets with the acceptance, for example ``viewer`` of ``project:<id>``."""

    relation: str
    object: str


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation. The API never returns whom it is for, but their pseudonym in the Domain."""

    id: str
    domain_id: str
    external_subject_pseudonym: str
    status: Literal["pending", "accepted", "revoked", "expired"]
    expires_at: Timestamp
    created_at: Timestamp
    accepted_at: Timestamp | None = None
    accepted_user_id: str | None = None
    revoked_at: Timestamp | None = None
    expired_at: Timestamp | None = None
    initial_tuples: list[InitialTuple] = []


class Invitations:
    """The invitations to Domains. The person's next sign-in to the Domain accepts theirs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        domain_id: str,
        *,
        external_subject: str,
        initial_tuples: Sequence[InitialTuple] = (),
        ttl_seconds: int = 86_400,
    ) -> Invitation:
        """Invite a person.

        Args:
            external_subject: The person's ``sub`` at the identity provider, or their e-mail address.
            initial_tuples: The relations that they get to the Domain, or to its Projects and Groups; at most 32.
            ttl_seconds: 60 to 604800.

        Raises:
            ProblemError: 409 ``invitation_already_pending``; 422 ``invitation_object_out_of_scope`` and others.
        """
        body = {"external_subject": external_subject, "ttl_seconds": ttl_seconds, "initial_tuples": initial_tuples}
        return self._transport.request("POST", f"/v1/domains/{domain_id}/invitations", Invitation, body=body)

    def list(
        self, domain_id: str, *, status: Literal["pending", "accepted", "revoked", "expired"] | None = None
    ) -> Iterator[Invitation]:
        """Iterate over the invitations of a Domain, newest first."""
        return self._transport.pages(f"/v1/domains/{domain_id}/invitations", Invitation, parameters={"status": status})

    def get(self, domain_id: str, invitation_id: str) -> Invitation:
        """Read an invitation."""
        return self._transport.request("GET", f"/v1/domains/{domain_id}/invitations/{invitation_id}", Invitation)

    def revoke(self, domain_id: str, invitation_id: str) -> None:
        """Revoke an invitation; again is no error. The API answers 409 if it is accepted or expired."""
        self._transport.run("DELETE", f"/v1/domains/{domain_id}/invitations/{invitation_id}")
