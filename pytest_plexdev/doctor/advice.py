"""Add the doctor's advice to the error of a bring-up that failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pytest_plexdev.errors import Advice, PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.doctor.model import Finding
    from pytest_plexdev.kube import Access

SECONDS: Final = 2.0
"""Seconds that a failed bring-up waits for the doctor."""
_LIMIT: Final = 300
"""Characters of the evidence that are shown."""


def with_advice(error: PlexdevError, access: Access | None) -> PlexdevError:
    """Return the error with the failure modes that were found. Never raises.

    Args:
        error: Why the bring-up failed. A mode of the same tag is not repeated.
        access: The cluster of the bring-up; ``None`` if it was not created.
    """
    try:
        return error.with_advice([*error.advice, *_advice(error, access)])
    except Exception as failure:
        # The bring-up's own error is more important.
        note = f"doctor: could not look ({type(failure).__name__}: {failure})"
        return error.changed(detail="\n".join(part for part in (error.detail, note) if part))


def _advice(error: PlexdevError, access: Access | None) -> Iterator[Advice]:
    # Imported only after a failure: it imports every probe and every rule.
    from pytest_plexdev.doctor.gather import findings_of, gather

    # What the probes leave of the budget is for reading their answers.
    facts = gather(access, seconds=SECONDS - 0.3, bringing_up=True)
    for finding in findings_of(facts):
        if _is_news(finding, error):
            evidence = finding.evidence if len(finding.evidence) <= _LIMIT else finding.evidence[:_LIMIT] + "…"
            yield Advice(
                mode=finding.mode,
                evidence=evidence,
                explanation=finding.explanation,
                command=finding.command,
                needs_cluster=finding.needs_cluster,
            )


def _is_news(finding: Finding, error: PlexdevError) -> bool:
    from pytest_plexdev.doctor.probes.machine import PORTS

    if finding.state != "found" or error.tag == finding.mode:
        return False
    # Fresh clusters use free ports, so report this only if the error names the port.
    return finding.mode != "port-taken" or any(str(port) in str(error) for port in PORTS)
