"""Read pages of lists that contain only the rows the caller may read.

Items, cursors and page lengths do not depend on hidden rows. If the visible rows can be enumerated, the query selects
only these; most callers can read a few hundred objects of a type at most. For other callers, the table is read in
order and filtered until the page is full.
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
"""With more readable objects, filtering pages of the table is faster than enumerating the objects.

SpiceDB rejects limits above 1,000 (``--max-lookup-resources-limit``)."""
_BATCH: Final = 200
_SEARCH_TAKES_S: Final = 10.0
"""Time limit for a page, in seconds. A shorter page is not returned, as its length would disclose hidden rows."""


class Read(Protocol[Row_co]):
    """Reads a list in order.

    Args:
        after: The position after which to start; None for the start of the list.
        most: Maximum number of rows.
    """

    async def __call__(self, after: list[Any] | None, most: int) -> Sequence[Row_co]: ...


class ReadAmong(Protocol[Row_co]):
    """Like :class:`Read`, restricted to some rows.

    Args:
        among: The ids to select from; None for all rows.
    """

    async def __call__(
        self, after: list[Any] | None, most: int, among: Sequence[UUID] | None = None
    ) -> Sequence[Row_co]: ...


async def visible_rows(
    call: Call, page: Page, kind: str, read: ReadAmong[Row], position: Callable[[Row], list[Any]]
) -> Sequence[Row]:
    """Return the rows of *page* that the caller may ``read``, at most ``page.most``.

    Args:
        kind: Their object type in the authorisation schema.
        position: Returns the position of a row, after which the list continues.
    """
    readable = await call.plane.authorizer.enumerate_resources(call.caller.ref, "read", kind, limit=_MOST_ENUMERATED)
    if readable is None:
        return await filtered_rows(call, page, kind, read, position)
    ids = [id_ for reference in readable if (id_ := _uuid(reference)) is not None]
    return await read(page.after, page.most, ids) if ids else []


async def filtered_rows(
    call: Call, page: Page, kind: str, read: Read[Row], position: Callable[[Row], list[Any]]
) -> Sequence[Row]:
    """Like :func:`visible_rows`, but check the rows in batches; for lists whose rows are mostly visible.

    Raises:
        AuthzUnavailable: The page was not full in time. If SpiceDB fails, for example on cyclic groups, each batch
            takes its whole deadline, and the table may be long.
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
    """Return the UUID in ``domain:<id>``; None if the id is not a UUID."""
    try:
        return UUID(reference.partition(":")[2])
    except ValueError:
        return None
