"""The audit chain's arithmetic: canonical bytes, hashes, pseudonyms.

``entry_hash = sha256(prev_hash ‖ sha256(canonical_bytes))``, 64 zeros before the first entry (contract, audit).
The contract leaves the canonical encoding to the implementation: ours is JSON with sorted keys and no spaces.
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
"""The platform's own chain; its entries carry the nil UUID as their ``domain_id``."""
UNPROVISIONED_KEY: Final = b"pseudonyms are not provisioned"
"""Makes the subjects of audit rows where no key is configured; the surfaces that show pseudonyms answer 501 then."""
GENESIS: Final = bytes(32)
_encoder: Final = msgspec.json.Encoder(order="sorted")


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, before it has its place in a chain."""

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
    """A record about a Domain that may turn out not to exist: it then belongs to the platform's chain.

    Attributes:
        platform_subject: The subject's pseudonym there.
    """

    platform_subject: str

    def on_platform(self) -> AuditRecord:
        """The same decision in the platform's chain."""
        return AuditRecord(**members(self) | {"chain_id": PLATFORM_CHAIN, "subject": self.platform_subject})


def members(record: AuditRecord) -> dict[str, Any]:
    """What of a record is hashed and stored."""
    return {name: getattr(record, name) for name in AuditRecord.__struct_fields__}


def canonical_bytes(record: AuditRecord, seq: int) -> bytes:
    """What is hashed: the record and its place in the chain."""
    return _encoder.encode({"seq": seq, **members(record)})


def entry_hash(previous: bytes, canonical: bytes) -> bytes:
    return hashlib.sha256(previous + hashlib.sha256(canonical).digest()).digest()


def pseudonym(key: bytes, domain_id: UUID, subject: str) -> str:
    """64 hex characters: equal for equal subjects of one Domain, different between Domains."""
    return hmac.new(key, domain_id.bytes + subject.encode(), hashlib.sha256).hexdigest()
