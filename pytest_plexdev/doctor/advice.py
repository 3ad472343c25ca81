"""The doctor's advice on a failed bring-up: a few lines below its error."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.doctor.gather import diagnose_all, gather
from pytest_plexdev.doctor.model import Finding
from pytest_plexdev.doctor.probes import machine
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access

SECONDS: Final = 2.0
"""What a failed bring-up waits for the doctor at most."""
_LIMIT: Final = 300


def advice(error: BaseException, access: Access | None) -> str:
    """The failure modes that are there, each with its command; empty where there is none. Never raises.

    Args:
        error: Why the bring-up failed: what its own text says already is not said again.
        access: The cluster, as far as it came.
    """
    try:
        # What the probes leave of the budget is for reading their answers.
        symptoms = gather(access, seconds=SECONDS - 0.3, bringing_up=True)
        findings = diagnose_all(symptoms)
        return "\n".join(line for each in findings if _is_news(each, error) for line in _lines(each))
    except Exception as failure:
        # The bring-up's own error is what matters.
        return f"doctor: could not look ({type(failure).__name__}: {failure})"


def _is_news(finding: Finding, error: BaseException) -> bool:
    if finding.state != "found" or (isinstance(error, PlexdevError) and error.tag == finding.mode):
        return False
    # A fresh cluster takes free ports: who has the warm one's matters only where that is what failed.
    return finding.mode != "port-taken" or any(str(port) in str(error) for port in machine.PORTS)


def _lines(finding: Finding) -> list[str]:
    evidence = finding.evidence if len(finding.evidence) <= _LIMIT else finding.evidence[:_LIMIT] + "…"
    return [f"doctor[{finding.mode}]: {evidence}", f"  {finding.explanation}", f"  try: {finding.command}"]
