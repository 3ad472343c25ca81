"""The events of a test run. Each is one line of ``events.jsonl``; its member ``event`` has its kind.

``docs/reference/events.md`` is generated from these classes (``make docs``). A reader ignores members that it does not
know. :data:`VERSION` increases if a member changes its meaning or is removed, or if a kind of event is added.
Times are Unix times in seconds. Secrets in texts are masked.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

VERSION: Final = 1
"""The version of the schema, in the first line of each run."""
Outcome: TypeAlias = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]


class RunBegan(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="run-began"):
    """The first line of a run.

    Attributes:
        version: The version of the schema.
        run: The id of the run.
        at: When pytest started.
        project: The name of the root directory.
        command: The command line.
        programs: The versions of Python, pytest and pytest-plexdev.

    Example::

        RunBegan(version=1, run="plexdev-1f3a", at=1767225600.0, project="my-agent", command="pytest -n 2")
    """

    version: int
    run: str
    at: float
    project: str
    command: str
    programs: dict[str, str] = {}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A service of a stack: its program, and the product that it stands in for (``null``: the real one)."""

    name: str
    version: str
    stands_in_for: str | None = None


class StackUsed(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="stack-used"):
    """The stack of the run. Missing if no test requested one, or its bring-up failed.

    Attributes:
        provider: The kind of stack.
        id: Its name.
        api: The URL of the API.
        issuer: The URL of the identity provider.
        made_at: When it was started.
        was_running: Whether the run attached to a running stack (``--dev-stack``).
        profile: ``lean`` or ``full``; ``null`` if plexdev did not create it.
        control_plane: What serves ``/v1``, if that is not the reference plane of this checkout.
        services: What ran.
        left_out: The services of the product's dev stack that it omits.
        drift: The inputs that differ from this checkout's and were ignored.
        passed_over: Why another warm stack was not used.
        attached_in_s: Seconds that attaching took; ``null`` if workers of pytest-xdist attached.
    """

    provider: str
    id: str
    api: str
    issuer: str
    made_at: float
    was_running: bool
    profile: str | None = None
    control_plane: str = ""
    services: tuple[Part, ...] = ()
    left_out: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    passed_over: str = ""
    attached_in_s: float | None = None


class BringUpBegan(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="bring-up-began"):
    """A process of the run began to start the stack, or to apply drift to a running one."""

    at: float


class PhaseBegan(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="phase-began"):
    """A part of the bring-up began. Several may run at once."""

    at: float
    name: str


class PhaseEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="phase-ended"):
    """A part of the bring-up succeeded."""

    at: float
    name: str


class VerdictChanged(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="verdict-changed"):
    """The state of a service or of an object changed during the bring-up.

    Attributes:
        name: The service, or the object with its kind.
        state: ``ready``, ``waiting``, ``doomed`` or ``gone``.
        reason: Why it is not ready.
        hint: What to type.
    """

    at: float
    name: str
    state: Literal["ready", "waiting", "doomed", "gone"]
    reason: str = ""
    hint: str = ""


class BringUpEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="bring-up-ended"):
    """The bring-up ended.

    Attributes:
        error: The error, as the terminal shows it; empty if the stack is ready.
    """

    at: float
    error: str = ""


class PhaseOfTest(msgspec.Struct, frozen=True, kw_only=True):
    """The set-up, call or tear-down of a test."""

    name: str
    began: float
    ended: float


class OutcomeOfTest(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="test-ran"):
    """A test ran.

    Attributes:
        test: Its node id.
        worker: The worker of pytest-xdist, ``gw0`` for example; empty without it.
        outcome: ``error`` if its set-up or tear-down failed and its call did not.
        phases: Its phases in order.
        reason: Why it was skipped.
    """

    test: str
    outcome: Outcome
    worker: str = ""
    phases: tuple[PhaseOfTest, ...] = ()
    reason: str = ""


class EvidenceSection(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a failure's evidence: HTTP exchanges, for example, or captured output."""

    title: str
    text: str


class FailureOfTest(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="test-failed"):
    """A failed phase of a test, or a module that could not be collected.

    Attributes:
        test: The node id of the test or module.
        phase: ``setup``, ``call``, ``teardown`` or ``collect``.
        message: The error in one line.
        text: The failure as pytest shows it.
        evidence: What was collected.
        folder: The directory with all of the evidence, if it was written.
    """

    test: str
    phase: str
    message: str
    text: str
    evidence: tuple[EvidenceSection, ...] = ()
    folder: str = ""


class RunEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="run-ended"):
    """The last line of a run.

    Attributes:
        exit_code: pytest's exit code; 0 if everything passed.
    """

    at: float
    exit_code: int


Event: TypeAlias = (
    RunBegan
    | StackUsed
    | BringUpBegan
    | PhaseBegan
    | PhaseEnded
    | VerdictChanged
    | BringUpEnded
    | OutcomeOfTest
    | FailureOfTest
    | RunEnded
)
