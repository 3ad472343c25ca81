"""An expected failure: an entry of the catalogue (:mod:`pytest_plexdev.errors`) with the facts of one case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Failure:
    """One entry of the catalogue. ``what``, ``why`` and ``fix`` are ``str.format`` templates over the facts."""

    tag: str
    what: str
    why: str
    fix: str
    exit_code: int = 1


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A known failure mode that explains an error, and the command that fixes it.

    Attributes:
        mode: The tag of the failure mode, ``port-taken`` for example.
        evidence: The observation that shows it.
        explanation: The reason why it happens.
        command: The command to run.
        needs_cluster: Whether the command works only while the cluster of the failed bring-up exists.
    """

    mode: str
    evidence: str
    explanation: str
    command: str
    needs_cluster: bool


class PlexdevError(Exception):
    """An expected failure: an entry of the catalogue with the facts of one case.

    Secrets in the detail, the facts and the advice are masked.

    Args:
        failure: The entry of the catalogue.
        detail: Output of the part that failed, its last log lines for example; printed indented below the message.
        facts: The values for the placeholders of the entry's templates. All but numbers are kept as text.

    Example::

        import pytest
        from pytest_plexdev import PlexdevError

        def test_a_misspelt_slug(plexdev_tenants):
            with pytest.raises(PlexdevError) as caught:
                plexdev_tenants["acme-crop"]
            assert caught.value.tag == "unknown-name"
            assert "did you mean acme-corp?" in str(caught.value)
    """

    advice: tuple[Advice, ...] = ()
    """The failure modes that explain it, printed below the detail."""

    def __init__(self, failure: Failure, *, detail: str = "", **facts: object) -> None:
        # Imported here: errors are printed, pickled and kept in files, and few runs have one.
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
        """The reason; empty if the entry has none."""
        return self.failure.why.format(**self.facts)

    @property
    def fix(self) -> str:
        """The command that fixes it."""
        return self.failure.fix.format(**self.facts)

    @property
    def headline(self) -> str:
        """The tag and what happened, in one line."""
        return f"plexdev[{self.tag}]: {self.what}".splitlines()[0]

    def changed(self, *, detail: str | None = None, **facts: object) -> PlexdevError:
        """Copy the error with another detail or other facts; all else stays."""
        changed = PlexdevError(
            self.failure, detail=self.detail if detail is None else detail, **{**self.facts, **facts}
        )
        return changed.with_advice(self.advice)

    def with_advice(self, advice: Iterable[Advice]) -> PlexdevError:
        """Copy the error with this advice in place of its own."""
        changed = PlexdevError(self.failure, detail=self.detail, **self.facts)
        changed.advice = tuple(map(_masked, advice))
        return changed

    def __str__(self) -> str:
        lines = [f"plexdev[{self.tag}]: {self.what}"]
        if self.failure.why:
            lines.append(f"  why: {self.why}")
        lines += [f"  | {line}" for line in self.detail.splitlines()]
        lines += [f"  | {line}" for each in self.advice for line in _lines(each)]
        lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Facts are keyword arguments: without this an error cannot cross a process boundary.
        return _rebuild, (self.failure, self.detail, self.advice, self.facts)


def _masked(advice: Advice) -> Advice:
    from pytest_plexdev.masking.rule import mask

    evidence, explanation, command = map(mask, (advice.evidence, advice.explanation, advice.command))
    return replace(advice, evidence=evidence, explanation=explanation, command=command)


def _lines(advice: Advice) -> Iterator[str]:
    yield f"doctor[{advice.mode}]: {advice.evidence}"
    yield f"  {advice.explanation}"
    yield f"  try: {advice.command}"


def _rebuild(failure: Failure, detail: str, advice: Iterable[Advice], facts: dict[str, object]) -> PlexdevError:
    return PlexdevError(failure, detail=detail, **facts).with_advice(advice)
