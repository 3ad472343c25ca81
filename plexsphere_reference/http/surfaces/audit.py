"""``/v1/domains/{domain_id}/audit`` and its twin ``/v1/platform/audit``."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces import domains
from plexsphere_reference.rules.audit import PLATFORM_CHAIN, canonical_bytes
from plexsphere_reference.rules.tenancy import PLATFORM
from plexsphere_reference.store import audit
from plexsphere_reference.store.audit import Filters, StoredEntry

_PSEUDONYM: Final = re.compile(r"[0-9a-f]{64}")
_REASONS: Final = ("granted", "out_of_scope", "insufficient_relation", "caveat_violation", "unknown")
_HIGHEST_SEQ: Final = 2**63 - 1
_ANYBODY: Final = "auditors"
"""Audit cursors are bound to their chain (part of the listing), not to a caller."""


class VerifyRequest(msgspec.Struct, forbid_unknown_fields=True):
    from_seq: int | UnsetType = UNSET
    to_seq: int | UnsetType = UNSET


@dataclass(frozen=True)
class Chain:
    """The chain that the path selects, and the object whose auditors may read it."""

    id: UUID
    resource: str

    @property
    def domain_id(self) -> UUID | None:
        return None if self.id == PLATFORM_CHAIN else self.id

    @property
    def listing(self) -> str:
        return f"audit/{self.id}"


async def list_entries(call: Call) -> Response:
    chain = _chain(call)
    filters = _filters(call)
    page = call.page(f"{chain.listing}?{msgspec.json.encode(filters).decode()}", binding=_ANYBODY)
    await call.require_read("auditor", chain.resource, action="audit.list", chain=chain.domain_id)
    await _check_domain(call, chain)
    after = page.after[0] if page.after else 0
    rows = await audit.entries(call.plane.database, chain.id, filters, after=after, most=page.most)
    items = [_response(each) for each in page.shown(rows)]
    return call.listed(page, rows, items, position=lambda last: [last.seq])


async def get_entry(call: Call) -> Response:
    chain = _chain(call)
    seq = _seq(call.request.path_params["seq"])
    try:
        await call.require_read("auditor", chain.resource, action="audit.read", chain=chain.domain_id)
    except Problem as refusal:
        raise _entry_not_found() from refusal
    await _check_domain(call, chain)
    entry = await audit.entry(call.plane.database, chain.id, seq)
    if entry is None:
        raise _entry_not_found()
    canonical = canonical_bytes(entry.record, entry.seq)
    proof = {
        "prev_hash": entry.prev_hash.hex(),
        "entry_hash": entry.entry_hash.hex(),
        "canonical_bytes": base64.b64encode(canonical).decode(),
    }
    return call.json({"entry": _response(entry), "proof": proof})


async def verify(call: Call) -> Response:
    chain = _chain(call)
    body = await call.body(VerifyRequest) if await call.raw_body() else VerifyRequest()
    first = 1 if body.from_seq is UNSET else body.from_seq
    last = None if body.to_seq is UNSET else body.to_seq
    if not 1 <= first <= _HIGHEST_SEQ or (last is not None and not first <= last <= _HIGHEST_SEQ):
        raise Problem(400, "invalid_segment", "from_seq starts at 1 and to_seq is not before it")
    await call.require_read("auditor", chain.resource, action="audit.verify", chain=chain.domain_id)
    await _check_domain(call, chain)
    verified = await call.plane.audit_verifier.verify(chain.id, first, last)
    answer: dict[str, object] = {"ok": True, "segment_from": verified.first, "segment_to": verified.last}
    if (divergence := verified.divergence) is not None:
        answer |= {
            "ok": False,
            "divergent_seq": divergence.seq,
            "expected_hash": divergence.expected.hex(),
            "observed_hash": divergence.observed.hex(),
        }
    return call.json(answer)


def _chain(call: Call) -> Chain:
    if "domain_id" not in call.request.path_params:
        return Chain(PLATFORM_CHAIN, PLATFORM)
    domain_id = call.path_id("domain_id", code="invalid_domain_id")
    return Chain(domain_id, f"domain:{domain_id}")


async def _check_domain(call: Call, chain: Chain) -> None:
    if chain.domain_id is not None:
        await domains.require_exists(call, chain.domain_id)


def _filters(call: Call) -> Filters:
    subject, reason = call.query("subject"), call.query("reason")
    if subject is not None and not _PSEUDONYM.fullmatch(subject):
        raise Problem(400, "invalid_filter", "subject takes a pseudonym, 64 lowercase hex characters")
    if reason is not None and reason not in _REASONS:
        raise Problem(400, "invalid_filter", f"reason is one of {', '.join(_REASONS)}")
    since, until = _time(call, "from"), _time(call, "to")
    if since and until and until < since:
        raise Problem(400, "invalid_filter", "to lies before from")
    return Filters(
        subject=subject,
        relation=call.query("relation"),
        object_type=call.query("object_type"),
        object_id=call.query("object_id"),
        reason=reason,
        correlation_id=call.query("correlation_id"),
        since=since,
        until=until,
    )


def _time(call: Call, name: str) -> datetime | None:
    value = call.query(name)
    if value is None:
        return None
    try:
        # An unencoded plus sign is decoded to a space.
        moment = msgspec.convert(value.replace(" ", "+"), datetime)
    except msgspec.ValidationError as error:
        raise Problem(400, "invalid_filter", f"{name} takes an RFC 3339 time") from error
    if moment.tzinfo is None:
        raise Problem(400, "invalid_filter", f"{name} takes an RFC 3339 time with its offset")
    return moment


def _seq(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:20]) <= _HIGHEST_SEQ and len(value) <= 19):
        raise Problem(400, "invalid_seq", "seq is a whole number from 1")
    return int(value)


def _entry_not_found() -> Problem:
    return Problem(404, "audit_entry_not_found", "there is no such entry, or you may not read it")


def _response(entry: StoredEntry) -> dict[str, object]:
    record = entry.record
    subject: dict[str, object] = {"pseudonym": record.subject}
    if record.identity_id_ref is not None:
        subject["identity_id_ref"] = record.identity_id_ref
    context = {"ip": record.ip, "user_agent": record.user_agent}
    return {
        "seq": entry.seq,
        "domain_id": record.chain_id,
        "occurred_at": record.occurred_at,
        "reason": record.reason,
        "subject": subject,
        "relation": record.relation,
        "object": {"type": record.object_type, "id": record.object_id},
        "decision": {"result": record.reason, "caveat_context": record.caveat_context},
        "correlation_id": record.correlation_id,
        "request_context": {name: value for name, value in context.items() if value is not None},
        "entry_hash": entry.entry_hash.hex(),
        "prev_hash": entry.prev_hash.hex(),
    }


def _operations(prefix: str) -> tuple[Operation, ...]:
    return (
        Operation(method="GET", path=f"{prefix}/entries", handler=list_entries, surface="audit"),
        Operation(method="GET", path=f"{prefix}/entries/{{seq}}", handler=get_entry, surface="audit"),
        Operation(method="POST", path=f"{prefix}/verify", handler=verify, surface="audit"),
    )


OPERATIONS: Final = (*_operations("/v1/domains/{domain_id}/audit"), *_operations("/v1/platform/audit"))
