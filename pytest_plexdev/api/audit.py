"""``/v1/domains/{id}/audit`` and ``/v1/platform/audit``: the hash chains of audit entries."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport, body_of

__tracebackhide__ = hides_its_frames


class AuditSubject(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked: a pseudonym, and the id of the Identity if it is one of the Domain, such as ``Person.id``."""

    pseudonym: str
    identity_id_ref: str | None = None


class AuditObject(msgspec.Struct, frozen=True, kw_only=True):
    """What the relation was asked for, for example the type ``project`` and its id."""

    type: str
    id: str


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One decision: ``reason`` is ``granted``, or why it was refused, such as ``insufficient_relation``.

    ``correlation_id`` is that of the response, and of a :class:`~pytest_plexdev.api.problems.ProblemError`.
    """

    seq: int
    domain_id: str
    occurred_at: Timestamp
    reason: str
    subject: AuditSubject
    relation: str
    object: AuditObject
    correlation_id: str
    entry_hash: str
    prev_hash: str


class AuditProof(msgspec.Struct, frozen=True, kw_only=True):
    prev_hash: str
    entry_hash: str
    canonical_bytes: str


class AuditEntryProof(msgspec.Struct, frozen=True, kw_only=True):
    """An entry and its proof: ``entry_hash`` is sha256(prev_hash ‖ sha256(canonical bytes)). The bytes are base64."""

    entry: AuditEntry
    proof: AuditProof


class AuditVerification(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a verification. The last three members are set only if the chain is broken."""

    ok: bool
    segment_from: int
    segment_to: int
    divergent_seq: int | None = None
    expected_hash: str | None = None
    observed_hash: str | None = None


class Audit:
    """The audit chains. Without a Domain, each method uses the platform's chain."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def entries(
        self,
        domain_id: str | None = None,
        *,
        relation: str | None = None,
        subject: str | None = None,
        object_type: str | None = None,
        object_id: str | None = None,
        reason: str | None = None,
        correlation_id: str | None = None,
    ) -> Iterator[AuditEntry]:
        """Iterate over the entries of a chain, oldest first. *subject* is a pseudonym."""
        filters = {
            "relation": relation,
            "subject": subject,
            "object_type": object_type,
            "object_id": object_id,
            "reason": reason,
            "correlation_id": correlation_id,
        }
        return self._transport.pages(f"{_chain(domain_id)}/entries", AuditEntry, parameters=filters)

    def entry(self, seq: int, domain_id: str | None = None) -> AuditEntryProof:
        """Read one entry with the bytes that its hash covers."""
        return self._transport.request("GET", f"{_chain(domain_id)}/entries/{seq}", AuditEntryProof)

    def verify(
        self, domain_id: str | None = None, *, from_seq: int | None = None, to_seq: int | None = None
    ) -> AuditVerification:
        """Recompute the hashes of a chain, or of a segment of it."""
        body = body_of(from_seq=from_seq, to_seq=to_seq)
        return self._transport.request("POST", f"{_chain(domain_id)}/verify", AuditVerification, body=body)


def _chain(domain_id: str | None) -> str:
    return "/v1/platform/audit" if domain_id is None else f"/v1/domains/{domain_id}/audit"
