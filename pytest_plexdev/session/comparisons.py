"""Explain a failed comparison of objects of the API: problems, reachability, verdicts, and lists of objects.

pytest prints their whole representations, in which the difference is hard to see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, TypeGuard

from pytest_plexdev.api.nodes import REACHABILITY_STATES, Reachability, ReachabilityState
from pytest_plexdev.api.problems import Problem, ProblemError
from pytest_plexdev.core.lookup import hint
from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.tables import verdict_table
from pytest_plexdev.masking.rule import mask

_KEYS: Final = ("id", "node_id", "token_id", "name", "slug")
"""Attributes that identify an object, the best first."""
_NAMES: Final = ("slug", "name", "external_ref", "code", "state")
"""Attributes by which a person recognises an object, the best first."""
_MOST_SHOWN: Final = 10
_SHOWN_CHARACTERS: Final = 200


def explain(op: str, left: object, right: object) -> list[str] | None:
    """Return the lines for a failed ``assert left op right``; ``None`` leaves them to pytest."""
    lines = _lines(op, left, right)
    return None if lines is None else [mask(line) for line in lines]


def _lines(op: str, left: object, right: object) -> list[str] | None:
    for state, other in ((left, right), (right, left)):
        if isinstance(state, ReachabilityState) and isinstance(other, (str, list, tuple, set, frozenset)):
            return [f"{left!r} {op} {right!r}", *_reading(state, other)]
        if isinstance(state, Reachability) and isinstance(other, str):
            return [f"{_title(left)} {op} {_title(right)}", "Compare its state: the attribute .state is the text."]
        if isinstance(state, (Problem, ProblemError)) and isinstance(other, (int, str)):
            advice = "Compare its status and code: assert_problem(problem, 403, 'permission_denied')."
            return [f"{_title(left)} {op} {_title(right)}", str(state), advice]
    if op == "==" and _is_struct(left) and type(left) is type(right):
        return [f"{_title(left)} == {_title(right)}", *_differences(left, right)]
    if op == "==" and _is_list(left) and _is_list(right) and any(map(_is_of_plexdev, (*left, *right))):
        differences = [*_list_differences(left, right)]
        return [f"{_counted(left)} == {_counted(right)}", *differences] if differences else None
    if op == "in" and _is_of_plexdev(left) and _is_list(right):
        return [f"{_title(left)} in {_counted(right)}", *_nearest(left, right)]
    return None


def _reading(state: ReachabilityState, other: object) -> Iterator[str]:
    reading = state.reading
    yield f"It is {reading.state} since {_moment(reading.changed_at, state.read_at)}."
    beat = reading.last_heartbeat_at
    yield f"The last heartbeat was accepted at {_moment(beat, state.read_at)}." if beat else "It had no heartbeat yet."
    if isinstance(other, str) and other not in REACHABILITY_STATES:
        yield f"No Node is {other!r}: {hint(other, REACHABILITY_STATES) or ', '.join(REACHABILITY_STATES)}"


def _moment(moment: datetime, now: float) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC, {now - moment.timestamp():.1f} s before this was read"


def _differences(left: object, right: object) -> list[str]:
    """The members that differ, with both values."""
    fields: Sequence[str] = getattr(type(left), "__struct_fields__", ())
    values = ((name, getattr(left, name), getattr(right, name)) for name in fields)
    return [f"{name}: {_shorten(repr(one))} != {_shorten(repr(other))}" for name, one, other in values if one != other]


def _list_differences(left: Sequence[object], right: Sequence[object]) -> Iterator[str]:
    only_left = [each for each in left if each not in right]
    only_right = [each for each in right if each not in left]
    for one in tuple(only_left):
        other = _same_object(one, only_right)
        if other is not None:
            only_left.remove(one)
            only_right.remove(other)
            yield f"{_title(one)} differs:"
            yield from (f"  {line}" for line in _differences(one, other))
    yield from _listing("only on the left:", only_left)
    yield from _listing("only on the right:", only_right)
    if not only_left and not only_right and len(left) == len(right):
        yield f"The same objects in another order: {_titles(left)} and {_titles(right)}"


def _nearest(wanted: object, objects: Sequence[object]) -> Iterator[str]:
    other = _same_object(wanted, objects)
    if other is not None:
        yield "The list has this object with other values:"
        yield from (f"  {line}" for line in _differences(wanted, other))
    else:
        yield from _listing("The list has:", objects)


def _same_object(wanted: object, objects: Sequence[object]) -> object | None:
    """The object with the key of *wanted*, if both are structs of one type."""
    if not _is_struct(wanted):
        return None
    key = next((name for name in _KEYS if hasattr(wanted, name)), None)
    if key is None:
        return None
    same = (each for each in objects if type(each) is type(wanted))
    return next((each for each in same if getattr(each, key) == getattr(wanted, key)), None)


def _listing(heading: str, objects: Sequence[object]) -> Iterator[str]:
    if not objects:
        return
    yield heading
    verdicts = [each for each in objects if isinstance(each, Verdict)]
    yield from (f"  {line}" for line in verdict_table(verdicts).splitlines())
    others = [each for each in objects if not isinstance(each, Verdict)]
    yield from (f"  {_title(each)}" for each in others[:_MOST_SHOWN])
    if len(others) > _MOST_SHOWN:
        yield f"  and {len(others) - _MOST_SHOWN} more"


def _titles(objects: Sequence[object]) -> str:
    more = ", …" if len(objects) > _MOST_SHOWN else ""
    return ", ".join(map(_title, objects[:_MOST_SHOWN])) + more


def _title(value: object) -> str:
    """A short text for an object: its type, the name by which a person knows it, and its id."""
    if isinstance(value, Verdict):
        return f"{value.name} {value.state}"
    if not _is_of_plexdev(value):
        return _shorten(repr(value))
    name = next((str(getattr(value, each)) for each in _NAMES if getattr(value, each, None)), "")
    identity = str(getattr(value, "id", "")) or str(getattr(value, "node_id", ""))
    return " ".join(part for part in (type(value).__name__, name, f"({identity})" if identity else "") if part)


def _counted(objects: Sequence[object]) -> str:
    kinds = {type(each).__name__ for each in objects}
    match len(objects):
        case 0:
            return repr(objects)
        case 1:
            return f"[{kinds.pop()}]"
        case count:
            return f"[{count} of {kinds.pop() if len(kinds) == 1 else 'several types'}]"


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, (list, tuple))


def _is_of_plexdev(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pytest_plexdev"


def _is_struct(value: object) -> bool:
    return _is_of_plexdev(value) and hasattr(type(value), "__struct_fields__")


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
