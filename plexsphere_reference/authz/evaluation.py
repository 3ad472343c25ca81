"""Evaluate permissions over the tuples loaded so far, and list the objects whose tuples are still needed.

Does no I/O: the caller evaluates, loads the missing objects, and evaluates again until nothing is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from plexsphere_reference.authz.model import Object, Subject
from plexsphere_reference.authz.schema import Arrow, Expression, Reference, Schema, SetOperation

_DEEPEST: Final = 50
"""SpiceDB's default dispatch depth."""

Path: TypeAlias = tuple[str, ...]
Verdict: TypeAlias = Path | None
"""A non-empty path grants, the empty path denies, ``None`` needs more objects to be loaded."""
_NO: Final[Path] = ()
_UNDER_WAY: Final[Path] = ("under way",)
"""Compared by identity."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The tuples of one object that matter for one subject.

    Attributes:
        direct: The relations that the subject has to the object directly.
        edges: By relation, the usersets and objects to evaluate next.
    """

    direct: frozenset[str] = frozenset()
    edges: Mapping[str, Sequence[Subject]] = field(default_factory=dict)


class _Undecidable(Exception):
    """A cycle or excessive depth below an operator that is not monotone, where no verdict is safe."""


class Evaluation:
    """One evaluation of a subject's permission over the loaded tuples.

    Attributes:
        missing: The objects whose neighbourhoods were needed and are not loaded.
    """

    __slots__ = ("_gave_up", "_goals", "_known", "_schema", "_strict", "_subject", "_trail", "missing")

    def __init__(self, schema: Schema, subject: Subject, known: Mapping[Object, Neighbourhood]) -> None:
        self._schema = schema
        self._subject = subject
        self._known = known
        # Goals that were visited before. Below unions only, such a goal cannot grant: if it had granted, the
        # evaluation would have ended there. One dictionary therefore handles both cycles and diamonds, which would
        # otherwise take exponential time.
        self._goals: dict[tuple[Object, str], Verdict] = {}
        self._trail = 0
        self._strict = 0
        self._gave_up = False
        self.missing: dict[Object, None] = {}

    def run(self, resource: Object, name: str) -> Verdict:
        """Evaluate ``name``, a relation or permission, on ``resource``."""
        try:
            return self._holds(resource, name)
        except _Undecidable:
            return _NO

    def _holds(self, target: Object, name: str) -> Verdict:
        goal = (target, name)
        if goal in self._goals:
            return self._met_again(goal)
        if self._subject.relation == name and self._subject.object == target:
            return (str(self._subject),)
        if self._trail == _DEEPEST:
            return self._give_up()
        self._goals[goal] = _UNDER_WAY
        self._trail += 1
        expression = self._schema.definitions[target.type].permissions.get(name)
        verdict = self._relation(target, name) if expression is None else self._expression(target, expression)
        self._trail -= 1
        self._goals[goal] = verdict
        return verdict

    def _met_again(self, goal: tuple[Object, str]) -> Verdict:
        verdict = self._goals[goal]
        if verdict is _UNDER_WAY or (verdict == _NO and self._strict and self._gave_up):
            return self._give_up()
        return verdict

    def _give_up(self) -> Verdict:
        if self._strict:
            raise _Undecidable
        self._gave_up = True
        return _NO

    def _expression(self, target: Object, expression: Expression) -> Verdict:
        if isinstance(expression, Reference):
            return self._holds(target, expression.name)
        if isinstance(expression, Arrow):
            return self._arrow(target, expression)
        if expression.operator == "+":
            return self._union(target, expression)
        self._strict += 1
        verdict = (
            self._intersection(target, expression)
            if expression.operator == "&"
            else self._exclusion(target, expression)
        )
        self._strict -= 1
        return verdict

    def _relation(self, target: Object, relation: str) -> Verdict:
        here = self._known.get(target)
        if here is None:
            self.missing[target] = None
            return None
        if relation in here.direct:
            return (f"{target}#{relation}",)
        verdict: Verdict = _NO
        for edge in here.edges.get(relation, ()):
            found = self._holds(edge.object, edge.relation) if edge.relation else _NO
            if found:
                return (*found, f"{target}#{relation}")
            if found is None:
                verdict = None
        return verdict

    def _arrow(self, target: Object, arrow: Arrow) -> Verdict:
        here = self._known.get(target)
        if here is None:
            self.missing[target] = None
            return None
        verdict: Verdict = _NO
        for edge in here.edges.get(arrow.tupleset, ()):
            if not self._schema.definitions[edge.type].knows(arrow.name):
                continue
            found = self._holds(edge.object, arrow.name)
            if found:
                return (*found, f"{target}#{arrow.tupleset}")
            if found is None:
                verdict = None
        return verdict

    def _union(self, target: Object, union: SetOperation) -> Verdict:
        verdict: Verdict = _NO
        for operand in union.operands:
            found = self._expression(target, operand)
            if found:
                return found
            if found is None:
                verdict = None
        return verdict

    def _intersection(self, target: Object, intersection: SetOperation) -> Verdict:
        verdicts = [self._expression(target, operand) for operand in intersection.operands]
        if _NO in verdicts:
            return _NO
        return None if None in verdicts else verdicts[0]

    def _exclusion(self, target: Object, exclusion: SetOperation) -> Verdict:
        base, *excluded = [self._expression(target, operand) for operand in exclusion.operands]
        if base == _NO or any(excluded):
            return _NO
        return None if base is None or None in excluded else base
