"""Render tables as text, for a terminal and for evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.masking.rule import mask


def table(rows: Sequence[Sequence[str]]) -> str:
    """Render rows of equally many cells. A column is as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def verdict_table(verdicts: Sequence[Verdict], *, style: Callable[[Verdict, str], str] = lambda _, text: text) -> str:
    """Render verdicts as a table. The further lines of a reason are indented below its service.

    Args:
        style: Returns the cell of a verdict's state as a terminal shows it, in its colour for example.
    """
    width = max((len(verdict.name) for verdict in verdicts), default=0)
    lines: list[str] = []
    for verdict in verdicts:
        first, *rest = verdict.reason.splitlines() or [""]
        since = f"for {verdict.since:.1f} s" if verdict.since is not None else ""
        line = f"{verdict.name:<{width}}  {verdict.state:<8}{since:<16}{first}".rstrip()
        name, state, rest_of_line = line[: width + 2], line[width + 2 : width + 10], line[width + 10 :]
        lines.append(f"{name}{style(verdict, state)}{rest_of_line}")
        lines += [f"{'':<{width}}  | {line}" for line in rest]
        if verdict.hint:
            lines.append(f"{'':<{width}}  fix: {verdict.hint}")
    return mask("\n".join(lines))
