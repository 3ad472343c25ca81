"""Show objects of the API: as JSON, and as plexctl's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def to_json(value: object) -> Any:
    """Convert an object of the API to JSON, without the members that the API omitted."""
    import msgspec

    return _without_none(msgspec.to_builtins(value))


def object_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Format a table like plexctl: columns in capitals, ``-`` for missing values."""
    from pytest_plexdev.core.tables import table

    cells = [[column.upper() for column in columns]]
    cells += [["-" if row.get(column) in (None, "") else str(row[column]) for column in columns] for row in rows]
    return table(cells)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(member) for name, member in value.items() if member is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
