"""Pages of lists that show each caller its own rows: a row that the caller may not read takes no part in them.

Neither an item nor a cursor nor the length of a page depends on hidden rows. Which rows are visible is asked before
they are paged over, as long as they can be enumerated: most callers read a few hundred objects of a kind at most. For
a caller who reads more, the table is read in its order and filtered until the page is full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from plexsphere_reference.authz.model import AuthzUnavailable
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.pagination import Page


class _Identified(Protocol):
    @property
    def id(self) -> UUID: ...


Row = TypeVar("Row", bound=_Identified)
Row_co = TypeVar("Row_co", bound=_Identified, covariant=True)

_MOST_ENUMERATED: Final = 500
"""Above that many readable objects, filtering pages of the table costs less than enumerating them.

SpiceDB takes no limit above 1,000 (``--max-lookup-resources-limit``)."""
_BATCH: Final = 200
_SEARCH_TAKES_S: Final = 10.0
"""A page is given up then. It could be cut short before, but its length would tell of hidden rows."""


class Read(Protocol[Row_co]):
    """Reads a list in its order.

    Args:
        after: The position behind which to begin; None for the start.
        most: How many rows at most.
    """

    async def __call__(self, after: list[Any] | None, most: int) -> Sequence[Row_co]: ...


class ReadAmong(Protocol[Row_co]):
    """Like :class:`Read`, with the choice of some rows.

    Args:
        among: The ids to choose from; None for every row.
    """

    async def __call__(
        self, after: list[Any] | None, most: int, among: Sequence[UUID] | None = None
    ) -> Sequence[Row_co]: ...


async def visible_rows(
    call: Call, page: Page, kind: str, read: ReadAmong[Row], position: Callable[[Row], list[Any]]
) -> Sequence[Row]:
    """The rows of *page* that the caller may ``read``, ``page.most`` at most.

    Args:
        kind: Their object type in the authorisation schema.
        position: Where a list goes on behind a row.
    """
    readable = await call.plane.authorizer.enumerate_resources(call.caller.ref, "read", kind, limit=_MOST_ENUMERATED)
    if readable is None:
        return await filtered_rows(call, page, kind, read, position)
    ids = [id_ for reference in readable if (id_ := _uuid(reference)) is not None]
    return await read(page.after, page.most, ids) if ids else []


async def filtered_rows(
    call: Call, page: Page, kind: str, read: Read[Row], position: Callable[[Row], list[Any]]
) -> Sequence[Row]:
    """Like :func:`visible_rows`, by asking about each row in turn: for a list most of whose rows are visible.

    Raises:
        AuthzUnavailable: The page was not full in time. Where SpiceDB gives up, on groups that contain each other for
            example, each batch takes its whole deadline, and the table may be long.
    """
    try:
        async with asyncio.timeout(_SEARCH_TAKES_S):
            return await _search(call, page, kind, read, position)
    except TimeoutError as error:
        raise AuthzUnavailable(f"the rows that may be read were not found within {_SEARCH_TAKES_S:g} s") from error


async def _search(
    call: Call, page: Page, kind: str, read: Read[Row], position: Callable[[Row], list[Any]]
) -> Sequence[Row]:
    visible: list[Row] = []
    after, size = page.after, page.most
    while len(visible) < page.most:
        rows = await read(after, size)
        visible += await call.readable("read", kind, [(row.id, row) for row in rows])
        if len(rows) < size:
            break
        after, size = position(rows[-1]), max(page.most, _BATCH)
    return visible[: page.most]


def _uuid(reference: str) -> UUID | None:
    """The id of ``domain:<id>``; None for a tuple about something that this plane never made."""
    try:
        return UUID(reference.partition(":")[2])
    except ValueError:
        return None
