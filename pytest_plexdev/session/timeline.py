"""Write the timeline of a bring-up as an HTML page."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Phase, StackInfo

_WIDTH: Final = 40.0
"""Total width of the bars in em."""
_MARK: Final = "<!doctype html><meta charset=utf-8><title>plexdev: "
"""The beginning of a timeline, which identifies it."""


def write_timeline(path: Path, info: StackInfo, *, shown: Callable[[Path], str] = str) -> str:
    """Write the phases of the bring-up as a self-contained page.

    Args:
        shown: Formats a path for messages.

    Returns:
        The path of the page, or why it could not be written: that is no error of the run.
    """
    try:
        # Only the last directory is created: if its parent is missing too, the path is probably a mistake.
        path.parent.mkdir(exist_ok=True)
        if _is_foreign(path):
            return f"not written to {shown(path)}: the existing file is not a report of plexdev"
        path.write_text(_page(info), "utf-8", "backslashreplace")
    except OSError as error:
        return f"not written to {shown(path)}: {error.strerror or error}"
    return shown(path)


def _is_foreign(path: Path) -> bool:
    """Whether *path* is an existing file that does not begin like a timeline, so it must not be overwritten."""
    if not path.is_file():
        return False  # it is missing, a pipe, or for example /dev/stdout
    with path.open("rb") as file:
        return not _MARK.encode().startswith(file.read(len(_MARK)))


def _page(info: StackInfo) -> str:
    whole = max((phase.began + phase.seconds for phase in info.phases), default=0.0) or 1.0
    in_order = sorted(info.phases, key=lambda phase: (phase.began, -phase.seconds))
    rows = "\n".join(_row(phase, em_per_second=_WIDTH / whole) for phase in in_order)
    title = html.escape(f"{info.provider} stack {info.id}")
    head = f"{_MARK}{title}</title><h1>plexdev: {title}</h1>"
    return f"{head}\n<table>\n<tr><th>phase<th>began<th>took<th>\n{rows}\n</table>\n"


def _row(phase: Phase, *, em_per_second: float) -> str:
    place = f"margin-left:{phase.began * em_per_second:.2f}em;width:{phase.seconds * em_per_second:.2f}em"
    return (
        f"<tr><td>{html.escape(phase.name)}<td>{phase.began:.3f} s<td>{phase.seconds:.3f} s"
        f'<td><div style="background:#48c;height:1em;{place}"></div>'
    )
