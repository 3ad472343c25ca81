"""Compute the canonical bytes, hashes and pseudonyms of audit entries.

``entry_hash = sha256(prev_hash ‖ sha256(canonical_bytes))``, 64 zeros before the first entry (contract, audit).
The contract does not specify the canonical encoding; this implementation uses JSON with sorted keys and no spaces.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec

Reason: TypeAlias = Literal["granted", "out_of_scope", "insufficient_relation", "caveat_violation", "unknown"]

PLATFORM_CHAIN: Final = UUID(int=0)
"""The platform's chain; its entries have the nil UUID as ``domain_id``."""
UNPROVISIONED_KEY: Final = b"pseudonyms are not provisioned"
"""The pseudonym key of audit rows if none is configured; surfaces that return pseudonyms then answer 501."""
GENESIS: Final = bytes(32)
_encoder: Final = msgspec.json.Encoder(order="sorted")


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An audited decision that is not yet part of a chain."""

    chain_id: UUID
    occurred_at: datetime
    reason: Reason
    subject: str
    identity_id_ref: UUID | None
    relation: str
    object_type: str
    object_id: str
    correlation_id: str
    ip: str | None
    user_agent: str | None
    caveat_context: dict[str, list[str]] = {}


class DomainRecord(AuditRecord, frozen=True, kw_only=True):
    """A record about a Domain. If the Domain does not exist, the record goes to the platform's chain.

    Attributes:
        platform_subject: The subject's pseudonym in the platform's chain.
    """

    platform_subject: str

    def on_platform(self) -> AuditRecord:
        """Return the record of the same decision for the platform's chain."""
        return AuditRecord(**members(self) | {"chain_id": PLATFORM_CHAIN, "subject": self.platform_subject})


def members(record: AuditRecord) -> dict[str, Any]:
    """Return the members of a record that are hashed and stored."""
    return {name: getattr(record, name) for name in AuditRecord.__struct_fields__}


def canonical_bytes(record: AuditRecord, seq: int) -> bytes:
    """Return the bytes to hash: the record and its position in the chain."""
    return _encoder.encode({"seq": seq, **members(record)})


def entry_hash(previous: bytes, canonical: bytes) -> bytes:
    return hashlib.sha256(previous + hashlib.sha256(canonical).digest()).digest()


def pseudonym(key: bytes, domain_id: UUID, subject: str) -> str:
    """Return the subject's pseudonym: 64 hex characters, stable within a Domain and different in every other Domain."""
    return hmac.new(key, domain_id.bytes + subject.encode(), hashlib.sha256).hexdigest()
