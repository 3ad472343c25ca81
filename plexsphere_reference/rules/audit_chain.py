"""Follows an audit chain from entry to entry and finds the first that does not link to the one before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from plexsphere_reference.rules.audit import GENESIS, AuditRecord, canonical_bytes, entry_hash


class Entry(Protocol):
    """An entry as it is stored."""

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
    """The first entry whose hash is not what it must be; a missing entry is observed as zeros."""

    seq: int
    expected: bytes
    observed: bytes


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a chain remembers of its newest entry, apart from the entries themselves."""

    seq: int = 0
    hash: bytes = GENESIS


class ChainWalk:
    """A walk along a chain: its state is the last entry that was seen.

    Args:
        seq: The entry that the walk begins behind; 0 for the start of the chain.
        previous: That entry's hash.
    """

    def __init__(self, *, seq: int = 0, previous: bytes = GENESIS) -> None:
        self.seq = seq
        self.previous = previous

    def follow(self, entries: Iterable[Entry]) -> Divergence | None:
        """Walk on over *entries*, which are in their order, up to the first that does not fit."""
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
        """The next entry is not there."""
        return Divergence(seq=self.seq + 1, expected=entry_hash(self.previous, b""), observed=GENESIS)

    def end_at(self, head: Head) -> Divergence | None:
        """Hold the last entry against the head: whoever rewrote the tail has not rewritten what the chain remembers."""
        if self.seq == head.seq and self.previous != head.hash:
            return Divergence(seq=head.seq, expected=head.hash, observed=self.previous)
        return None
