"""Verification of an audit chain: accepts appended entries and reports every other change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_reference.rules.audit import GENESIS, AuditRecord, canonical_bytes, entry_hash
from plexsphere_reference.rules.audit_chain import ChainWalk, Divergence, Head


@dataclass(frozen=True)
class Stored:
    record: AuditRecord
    seq: int
    prev_hash: bytes
    entry_hash: bytes


def chain_of(relations: Sequence[str]) -> list[Stored]:
    chain: list[Stored] = []
    for seq, relation in enumerate(relations, start=1):
        record = AuditRecord(
            chain_id=UUID(int=7),
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
            reason="granted",
            subject="0" * 64,
            identity_id_ref=None,
            relation=relation,
            object_type="domain",
            object_id="x",
            correlation_id="c",
            ip=None,
            user_agent=None,
        )
        previous = chain[-1].entry_hash if chain else GENESIS
        chain.append(Stored(record, seq, previous, entry_hash(previous, canonical_bytes(record, seq))))
    return chain


def verdict(chain: Sequence[Stored], head: Head, *, first: int = 1, chunk: int = 3) -> Divergence | None:
    """Verify like the verifier: from *first*, chunk by chunk, to the head."""
    previous = next((entry.entry_hash for entry in chain if entry.seq == first - 1), GENESIS)
    walk = ChainWalk(seq=first - 1, previous=previous)
    while walk.seq < head.seq:
        entries = [entry for entry in chain if entry.seq > walk.seq][:chunk]
        found = walk.follow(entries) if entries else walk.missing()
        if found is not None:
            return found
    return walk.end_at(head)


def head_of(chain: Sequence[Stored]) -> Head:
    return Head(seq=chain[-1].seq, hash=chain[-1].entry_hash)


@given(relations=st.lists(st.text(max_size=5), min_size=1, max_size=20), chunk=st.integers(1, 7), data=st.data())
def test_an_untouched_chain_fits_from_wherever_it_is_read(
    relations: list[str], chunk: int, data: st.DataObject
) -> None:
    chain = chain_of(relations)
    first = data.draw(st.integers(1, len(chain)))

    assert verdict(chain, head_of(chain), first=first, chunk=chunk) is None


@pytest.mark.parametrize(
    "tamper",
    [
        lambda entry: replace(entry, record=msgspec.structs.replace(entry.record, object_id="y")),
        lambda entry: replace(entry, record=msgspec.structs.replace(entry.record, reason="unknown")),
        lambda entry: replace(entry, prev_hash=bytes(31) + b"x"),
        lambda entry: replace(entry, entry_hash=bytes(31) + b"x"),
    ],
)
@given(size=st.integers(1, 12), data=st.data())
def test_a_changed_entry_is_the_divergent_one(
    tamper: Callable[[Stored], Stored], size: int, data: st.DataObject
) -> None:
    chain = chain_of(["r"] * size)
    at = data.draw(st.integers(0, size - 1))
    tampered = [*chain[:at], tamper(chain[at]), *chain[at + 1 :]]

    found = verdict(tampered, head_of(chain))

    assert found is not None
    assert found.seq == at + 1
    assert found.expected != found.observed


@given(size=st.integers(1, 12), data=st.data())
def test_a_missing_entry_is_the_divergent_one(size: int, data: st.DataObject) -> None:
    chain = chain_of(["r"] * size)
    at = data.draw(st.integers(0, size - 1))

    found = verdict(chain[:at] + chain[at + 1 :], head_of(chain))

    assert found == Divergence(seq=at + 1, expected=entry_hash(chain[at].prev_hash, b""), observed=GENESIS)


def test_a_rewritten_tail_with_valid_hashes_is_a_divergence() -> None:
    head = head_of(chain_of(["a", "b"]))

    found = verdict(chain_of(["a", "z"]), head)

    assert found is not None
    assert (found.seq, found.expected) == (2, head.hash)
