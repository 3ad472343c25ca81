"""Select the last part of a log: by the times in its lines, or by their number."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_TIME: Final = re.compile(
    r"(?P<date>\d{4}[-/]\d\d[-/]\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,6})\d*)?"
    r" ?(?P<zone>Z|UTC|GMT|[+-]\d\d:\d\d)?"
)
"""A time as the servers of a stack write it: with ``-`` or ``/``, ``T`` or a space, with or without a zone."""
_UTC: Final = ("Z", "UTC", "GMT")


def lines_since(text: str, since: float | None) -> str:
    """Return the lines from the first one that was written at *since* or later.

    A line without a time belongs to the line before it. A time without a zone is local.

    Args:
        since: Unix time, seconds; ``None``: all lines.
    """
    if since is None:
        return text
    lines = text.splitlines(keepends=True)
    first = next((n for n, line in enumerate(lines) if (at := _time_of(line)) is not None and at >= since), len(lines))
    return "".join(lines[first:])


def last_lines(text: str, count: int | None) -> str:
    """Return the last *count* lines; ``None``: all."""
    if count is None:
        return text
    lines = text.splitlines(keepends=True)
    return "".join(lines[max(0, len(lines) - count) :])


def _time_of(line: str) -> float | None:
    found = _TIME.search(line)
    if found is None:
        return None
    zone = found["zone"] or ""
    iso = f"{found['date'].replace('/', '-')}T{found['time']}.{(found['fraction'] or '0').ljust(6, '0')}"
    try:
        return datetime.fromisoformat(iso + ("+00:00" if zone in _UTC else zone)).timestamp()
    except ValueError:
        return None
