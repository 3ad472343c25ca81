"""Print the findings of ``plexdev doctor``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from pytest_plexdev.core.tables import table
from pytest_plexdev.doctor.model import Finding
from pytest_plexdev.kube import Access


def as_text(findings: Sequence[Finding], access: Access | None) -> str:
    """Render a row for each failure mode, then the help for those that were found."""
    rows = table([_row(each) for each in findings])
    return "\n".join([rows, *(line for each in findings for line in _help(each, access))])


def as_json(findings: Sequence[Finding], access: Access | None) -> dict[str, Any]:
    """Render the same as JSON."""
    return {
        "context": access.context if access is not None else None,
        "found": sum(each.state == "found" for each in findings),
        "findings": [asdict(each) for each in findings],
    }


def fix_command(mode: str, access: Access | None) -> str:
    """Return the command that lets the doctor fix a mode in this cluster."""
    words = ["plexdev", "doctor", "--fix", mode]
    if access is not None:
        words += ["--kubeconfig", str(access.kubeconfig), "--context", access.context]
    return shlex.join(words)


def _row(finding: Finding) -> Sequence[str]:
    if finding.state == "found":
        return "  FOUND", finding.mode, finding.title
    return f"  {finding.state}", finding.mode, finding.evidence


def _help(finding: Finding, access: Access | None) -> Iterator[str]:
    if finding.state != "found":
        return
    yield f"\n{finding.mode}: {finding.title}"
    yield f"  found  {finding.evidence}"
    yield f"  why    {finding.explanation}"
    yield f"  try    {finding.command}"
    if finding.fixable:
        yield f"  or     {fix_command(finding.mode, access)}"
