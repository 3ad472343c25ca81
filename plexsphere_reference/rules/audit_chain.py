"""Verify an audit chain: find the first entry that does not link to its predecessor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from plexsphere_reference.rules.audit import GENESIS, AuditRecord, canonical_bytes, entry_hash


class Entry(Protocol):
    """A stored entry."""

    @property
    def record(self) -> AuditRecord: ...

    @property
    def seq(self) -> int: ...

    @property
    def prev_hash(self) -> bytes: ...

    @property
    def entry_hash(self) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """The first entry with a wrong hash. The observed hash of a missing entry is all zeros."""

    seq: int
    expected: bytes
    observed: bytes


@dataclass(frozen=True, kw_only=True)
class Head:
    """The number and hash of a chain's newest entry, stored separately from the entries."""

    seq: int = 0
    hash: bytes = GENESIS


class ChainWalk:
    """Verifies a chain incrementally. The state is the last entry that was verified.

    Args:
        seq: Number of the entry after which verification starts; 0 for the start of the chain.
        previous: Hash of that entry.
    """

    def __init__(self, *, seq: int = 0, previous: bytes = GENESIS) -> None:
        self.seq = seq
        self.previous = previous

    def follow(self, entries: Iterable[Entry]) -> Divergence | None:
        """Verify the next *entries*, in ascending order, and return the first divergence, None without one."""
        for entry in entries:
            if entry.seq != self.seq + 1:
                return self.missing()
            expected = entry_hash(self.previous, canonical_bytes(entry.record, entry.seq))
            observed = entry.entry_hash if entry.prev_hash == self.previous else GENESIS
            if expected != observed:
                return Divergence(seq=entry.seq, expected=expected, observed=observed)
            self.seq, self.previous = entry.seq, observed
        return None

    def missing(self) -> Divergence:
        """Return the divergence that reports the next entry as missing."""
        return Divergence(seq=self.seq + 1, expected=entry_hash(self.previous, b""), observed=GENESIS)

    def end_at(self, head: Head) -> Divergence | None:
        """Compare the last entry with the head. Detects a truncated or rewritten tail."""
        if self.seq == head.seq and self.previous != head.hash:
            return Divergence(seq=head.seq, expected=head.hash, observed=self.previous)
        return None
