"""Show the status of a stack: as text, as JSON, and as a live table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.cli.colours import bold, has_colours, state_colour
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.errors import PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.cli.status import Status
    from pytest_plexdev.core.model import StackInfo

_EVERY_S: Final = 1.0
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def as_json(status: Status) -> dict[str, Any]:
    """The result of ``plexdev status --json``."""
    result: dict[str, Any] = {"services": [asdict(verdict) for verdict in status.verdicts]}
    info = status.info
    if info is not None:
        at = info.endpoints
        result["stack"] = {
            "provider": info.provider,
            "id": info.id,
            "api": at.api,
            "issuer": at.issuer,
            "age_s": round(unix_time() - info.started_at, 1),
        }
    return result


def as_text(status: Status) -> str:
    """The name of the stack, its age and its URLs, and the table of its verdicts."""
    from pytest_plexdev.core.tables import verdict_table

    is_coloured = has_colours(sys.stdout)
    table = verdict_table(status.verdicts, style=state_colour) if is_coloured else verdict_table(status.verdicts)
    if status.info is None:
        return table
    title, *urls = _head(status.info)
    return "\n".join([bold(title) if is_coloured else title, *urls, "", table])


def watch(find: Callable[[], Status]) -> None:
    """Show the status on the terminal until Ctrl-C, also that no stack runs.

    Args:
        find: Probes the stack.
    """
    from rich.live import Live
    from rich.text import Text

    from pytest_plexdev.core.poll import poll

    def look() -> Text:
        try:
            return Text.from_ansi(as_text(find()))
        except PlexdevError as error:
            return Text(str(error))

    with Live(look(), auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        poll(lambda: live.update(look(), refresh=True), until=lambda _: False, every_s=_EVERY_S)


def age(seconds: float) -> str:
    """A duration in its two largest units: ``12 s``, ``5 min 3 s``, ``2 d 4 h``."""
    rest = max(0, int(seconds))
    first = next((n for n, (size, _) in enumerate(_UNITS) if rest >= size), len(_UNITS) - 1)
    parts: list[str] = []
    for size, unit in _UNITS[first : first + 2]:
        count, rest = divmod(rest, size)
        if count or not parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts)


def _head(info: StackInfo) -> list[str]:
    return [
        f"{info.provider} stack {info.id}, {age(unix_time() - info.started_at)} old",
        f"  api        {info.endpoints.api}",
        f"  issuer     {info.endpoints.issuer}",
    ]
