"""Pages of lists of which the caller may read some rows, few or many."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plexsphere_reference.authz.model import AuthzUnavailable
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.pagination import Page
from plexsphere_reference.http.visibility import visible_rows


@dataclass(frozen=True)
class Row:
    id: UUID


class Table:
    """Rows 1 to *size*, of which one caller may read some; counts the checks."""

    def __init__(self, size: int, readable: set[int], *, enumerable: bool) -> None:
        self._rows = [Row(UUID(int=n)) for n in range(1, size + 1)]
        self._readable = readable
        self._enumerable = enumerable
        self.reads = 0
        self.call = cast(
            Call,
            SimpleNamespace(
                plane=SimpleNamespace(authorizer=self), caller=SimpleNamespace(ref="user:ada"), readable=self._filter
            ),
        )

    async def enumerate_resources(self, subject: str, permission: str, kind: str, *, limit: int) -> list[str] | None:
        assert (subject, permission, kind) == ("user:ada", "read", "node")
        if not self._enumerable:
            return None
        return [f"node:{UUID(int=n)}" for n in self._readable] + ["node:not-an-id-of-ours"]

    async def read(self, after: list[Any] | None, most: int, among: Sequence[UUID] | None = None) -> list[Row]:
        self.reads += 1
        behind = after[0] if after else 0
        rows = [row for row in self._rows if row.id.int > behind and (among is None or row.id in among)]
        return rows[:most]

    async def _filter(self, permission: str, kind: str, items: Sequence[tuple[UUID, Row]]) -> list[Row]:
        assert (permission, kind) == ("read", "node")
        return [row for id_, row in items if id_.int in self._readable]

    def walk(self, limit: int) -> list[list[int]]:
        """Return all pages, by following the cursors to the end."""
        page = Page("nodes", "user:ada", limit, None)
        pages: list[list[int]] = []
        while True:
            rows = asyncio.run(visible_rows(self.call, page, "node", self.read, lambda row: [row.id.int]))
            assert len(rows) <= page.most
            shown = page.shown(rows)
            pages.append([row.id.int for row in shown])
            if len(rows) <= page.limit:
                return pages
            page = replace(page, after=[shown[-1].id.int])


@settings(deadline=None, max_examples=60)
@given(
    size=st.integers(0, 700),
    readable=st.sets(st.integers(1, 700), max_size=40) | st.sets(st.integers(1, 700), min_size=300),
    limit=st.sampled_from([1, 2, 7, 50, 200]),
    enumerable=st.booleans(),
)
def test_a_walk_shows_each_visible_row_once_and_no_page_is_short(
    *, size: int, readable: set[int], limit: int, enumerable: bool
) -> None:
    visible = sorted(n for n in readable if n <= size)
    if enumerable and len(visible) > 100:
        return

    pages = Table(size, readable, enumerable=enumerable).walk(limit)

    assert [n for page in pages for n in page] == visible
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1] or not visible, "a cursor that leads to nothing tells of hidden rows behind it"


@pytest.mark.parametrize("enumerable", [True, False])
def test_who_reads_everything_is_answered_from_one_read(*, enumerable: bool) -> None:
    table = Table(1000, set(range(1, 1001)), enumerable=enumerable)

    rows = asyncio.run(
        visible_rows(table.call, Page("nodes", "user:ada", 50, None), "node", table.read, lambda row: [row.id.int])
    )

    assert len(rows) == 51
    assert table.reads == 1


def test_a_slow_search_for_visible_rows_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with cyclic groups: nothing can be enumerated, and each batch of checks takes time."""
    table = Table(100_000, set(), enumerable=False)

    async def slow(*_: object) -> list[Row]:
        await asyncio.sleep(0.02)
        return []

    cast(Any, table.call).readable = slow
    monkeypatch.setattr("plexsphere_reference.http.visibility._SEARCH_TAKES_S", 0.2)
    page = Page("nodes", "user:ada", 50, None)

    with pytest.raises(AuthzUnavailable):
        asyncio.run(visible_rows(table.call, page, "node", table.read, lambda row: [row.id.int]))

    assert 1 < table.reads < 20
