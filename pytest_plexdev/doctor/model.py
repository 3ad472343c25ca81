"""A failure mode, the result of its check, and the finding that is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pytest_plexdev.doctor.facts import Facts, Unknown

FindingState: TypeAlias = Literal["ok", "found", "not examined"]


@dataclass(frozen=True)
class NotFound:
    """The mode was not found; the note is what was observed."""

    note: str = ""


@dataclass(frozen=True)
class Found:
    """The mode was found.

    Attributes:
        evidence: The observation that shows it, with the object's name.
        command: The command that helps; it can be pasted unchanged.
        needs_cluster: Whether the command works only while the examined cluster exists.
    """

    evidence: str
    command: str
    needs_cluster: bool = True


CheckResult: TypeAlias = NotFound | Found | Unknown
Check: TypeAlias = Callable[[Facts], CheckResult]


@dataclass(frozen=True, kw_only=True)
class FailureMode:
    """A known failure mode: how it is recognised, why it happens and what helps.

    Attributes:
        tag: Its name on the command line: ``plexdev doctor --fix TAG``.
        title: The title that is printed.
        signal: The observation that shows it, for the documentation.
        check: Looks for the mode in the facts.
        explanation: The reason why it happens.
        remedy: The general command, for the documentation; the printed one has the names of the case.
        fix: The module of ``fixes/`` that fixes it; ``None`` if a person must.
        needs_nodes: Whether a node that is not ready shows the same signs. The mode is then not examined.
    """

    tag: str
    title: str
    signal: str
    check: Check
    explanation: str
    remedy: str
    fix: str | None = None
    needs_nodes: bool = False


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of the doctor for one failure mode.

    Attributes:
        mode: The tag of the failure mode.
        evidence: The observation that shows it; in the other states a note, or why it was not examined.
        command: The command that helps; empty unless the mode was found.
        needs_cluster: Whether the command works only while the examined cluster exists.
        fixable: Whether ``plexdev doctor --fix`` can fix it in this cluster.
    """

    mode: str
    title: str
    state: FindingState
    evidence: str
    explanation: str
    command: str = ""
    needs_cluster: bool = False
    fixable: bool = False


def finding_of(mode: FailureMode, facts: Facts) -> Finding:
    """Check one mode. In a cluster that plexdev did not create, nothing is fixable."""
    state: FindingState
    command, needs_cluster, fixable = "", False, False
    match mode.check(facts):
        case Found(evidence, command, needs_cluster):
            state, fixable = "found", facts.ours and mode.fix is not None
        case Unknown(evidence):
            state = "not examined"
        case NotFound(evidence):
            state = "ok"
    return Finding(
        mode=mode.tag,
        title=mode.title,
        state=state,
        evidence=evidence,
        explanation=mode.explanation,
        command=command,
        needs_cluster=needs_cluster,
        fixable=fixable,
    )
