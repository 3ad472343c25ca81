"""Read a server's clock from its answers."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def server_time(headers: Mapping[str, str]) -> float | None:
    """Return the ``Date`` header in Unix seconds, whole ones; ``None`` if it is missing or malformed."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None
