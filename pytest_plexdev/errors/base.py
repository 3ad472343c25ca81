"""An expected failure: an entry of the catalogue (:mod:`pytest_plexdev.errors`) with the facts of one case."""

from __future__ import annotations

from dataclasses import dataclass


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
            Secrets in it are masked, and in the facts.
        facts: The values that the entry's templates name; what is no number is kept as the text that it is.
    """

    def __init__(self, failure: Failure, *, detail: str = "", **facts: object) -> None:
        # Here, as an error is printed, pickled and kept in files: by the time of a failure a millisecond is nothing.
        from pytest_plexdev.masking.rule import mask

        self.failure = failure
        self.detail = mask(detail.strip("\n"))
        self.facts: dict[str, object] = {
            name: fact if isinstance(fact, (int, float)) else mask(str(fact)) for name, fact in facts.items()
        }
        super().__init__(failure, self.detail, self.facts)

    @property
    def tag(self) -> str:
        """The tag that users search for, ``port-taken`` for example."""
        return self.failure.tag

    @property
    def exit_code(self) -> int:
        """The exit code of a ``plexdev`` command that ends with this failure."""
        return self.failure.exit_code

    @property
    def what(self) -> str:
        """What happened."""
        return self.failure.what.format(**self.facts)

    @property
    def why(self) -> str:
        """Why we think so; empty where the entry has no reason."""
        return self.failure.why.format(**self.facts)

    @property
    def fix(self) -> str:
        """The command that fixes it."""
        return self.failure.fix.format(**self.facts)

    def __str__(self) -> str:
        lines = [f"plexdev[{self.tag}]: {self.what}"]
        if self.failure.why:
            lines.append(f"  why: {self.why}")
        lines += [f"  | {line}" for line in self.detail.splitlines()]
        lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Facts are keyword arguments: without this an error cannot cross a process boundary.
        return _rebuild, (self.failure, self.detail, self.facts)


def _rebuild(failure: Failure, detail: str, facts: dict[str, object]) -> PlexdevError:
    return PlexdevError(failure, detail=detail, **facts)
