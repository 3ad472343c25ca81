"""A failure mode, the result of its check, and the finding that is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pytest_plexdev.doctor.facts import Facts, Unknown

FindingState: TypeAlias = Literal["ok", "found", "not examined"]


@dataclass(frozen=True)
class NotFound:
    """The mode is not there; a note says what was seen."""

    note: str = ""


@dataclass(frozen=True)
class Found:
    """The mode is there.

    Attributes:
        evidence: What shows it, with the object's name.
        command: What helps, to be pasted as it is.
        needs_cluster: Whether the command works only while the examined cluster exists.
    """

    evidence: str
    command: str
    needs_cluster: bool = True


CheckResult: TypeAlias = NotFound | Found | Unknown
Check: TypeAlias = Callable[[Facts], CheckResult]


@dataclass(frozen=True, kw_only=True)
class FailureMode:
    """One row of the table.

    Attributes:
        tag: What ``plexdev doctor --fix`` calls it.
        title: What a person sees.
        signal: What it is recognised by, for the documentation.
        check: Says of facts whether it is there.
        explanation: Why it happens.
        remedy: The command in general, for the documentation; the one that is printed has the case's own names.
        fix: The module of ``fixes/`` that mends it; ``None`` where only a person should.
        needs_nodes: Whether Pods that nobody reports on any more look like it.
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
    """What was found of one failure mode.

    Attributes:
        mode: Its tag.
        evidence: What shows it; in the other states a note, or why it was not examined.
        command: Empty unless it was found.
        needs_cluster: Whether the command works only while the examined cluster exists.
        fixable: Whether ``plexdev doctor --fix`` can mend it in this cluster.
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
    """Check one mode. In a cluster that we did not make nothing is fixable."""
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
