"""Render tables as text, for a terminal and for evidence."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.masking.rule import mask


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Render verdicts as a table. The further lines of a reason are indented below its service."""
    width = max((len(verdict.name) for verdict in verdicts), default=0)
    lines: list[str] = []
    for verdict in verdicts:
        first, *rest = verdict.reason.splitlines() or [""]
        since = f"for {verdict.since:.1f} s" if verdict.since is not None else ""
        lines.append(f"{verdict.name:<{width}}  {verdict.state:<8}{since:<16}{first}".rstrip())
        lines += [f"{'':<{width}}  | {line}" for line in rest]
        if verdict.hint:
            lines.append(f"{'':<{width}}  fix: {verdict.hint}")
    return mask("\n".join(lines))
