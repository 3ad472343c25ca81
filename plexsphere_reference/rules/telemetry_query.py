"""Validate queries of metrics and logs, and translate them into the parameters of Mimir and Loki."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from plexsphere_reference.rules.durations import InvalidDuration, parse_duration

LONGEST_QUERY: Final = 4096
LONGEST_WINDOW: Final = timedelta(days=31)
MOST_SERIES: Final = 10_000
"""Sent as Prometheus' ``limit``. Mimir says in ``warnings`` that it truncated a result."""
MOST_LINES: Final = 5000
_DEFAULT_LINES: Final = 100
_DIRECTIONS: Final = ("forward", "backward")
_SECOND: Final = 1_000_000_000


class InvalidQuery(Exception):
    """A query that breaks a bound of the contract.

    Attributes:
        code: ``query_invalid`` or ``query_range_invalid``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def metrics_parameters(given: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters for Mimir: of an instant query if there is a ``time``, else of a range query.

    Raises:
        InvalidQuery: A parameter is missing or out of bounds.
    """
    parameters = {"query": _expression(given), "limit": str(MOST_SERIES)}
    _check_node(given)
    if "time" in given:
        return {**parameters, "time": _moment(given, "time").isoformat()}
    return {**parameters, **_window(given), "step": _step(given)}


def logs_parameters(given: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters for Loki.

    Raises:
        InvalidQuery: A parameter is missing or out of bounds. A ``limit`` above :data:`MOST_LINES` is lowered to it.
    """
    direction = given.get("direction", "backward")
    if direction not in _DIRECTIONS:
        raise InvalidQuery("query_invalid", f"direction is one of {', '.join(_DIRECTIONS)}")
    _check_node(given)
    parameters = {"query": _expression(given), "limit": str(_lines(given)), "direction": direction}
    return {**parameters, **_window(given)}


def _expression(given: Mapping[str, str]) -> str:
    query = given.get("query", "")
    if not query.strip() or len(query) > LONGEST_QUERY:
        raise InvalidQuery("query_invalid", f"query takes an expression of 1 to {LONGEST_QUERY} characters")
    return query


def _check_node(given: Mapping[str, str]) -> None:
    """Check ``node_id``, which the contract accepts but does not apply yet."""
    try:
        UUID(given.get("node_id", str(UUID(int=1))))
    except ValueError as error:
        raise InvalidQuery("query_invalid", "node_id is not a UUID") from error


def _window(given: Mapping[str, str]) -> dict[str, str]:
    start, end = _moment(given, "start"), _moment(given, "end")
    if not start < end:
        raise InvalidQuery("query_range_invalid", "end must be after start")
    if end - start > LONGEST_WINDOW:
        raise InvalidQuery("query_range_invalid", f"the window may span at most {LONGEST_WINDOW.days} days")
    return {"start": start.isoformat(), "end": end.isoformat()}


def _moment(given: Mapping[str, str], name: str) -> datetime:
    try:
        # An unencoded plus sign is decoded to a space.
        moment = msgspec.convert(given.get(name, "").replace(" ", "+"), datetime)
    except msgspec.ValidationError as error:
        raise _not_a_time(name) from error
    if moment.tzinfo is None:
        raise _not_a_time(name)
    return moment


def _step(given: Mapping[str, str]) -> str:
    try:
        step = parse_duration(given.get("step", ""))
    except InvalidDuration as error:
        raise InvalidQuery("query_range_invalid", f"step: {error}") from error
    if step <= 0:
        raise InvalidQuery("query_range_invalid", "step must be longer than 0")
    return f"{step / _SECOND:.9f}"


def _lines(given: Mapping[str, str]) -> int:
    text = given.get("limit", str(_DEFAULT_LINES))
    if not (text.isascii() and text.isdigit() and int(text[:10]) >= 1):
        raise InvalidQuery("query_invalid", "limit is a whole number from 1")
    return min(int(text[:10]), MOST_LINES)


def _not_a_time(name: str) -> InvalidQuery:
    return InvalidQuery("query_range_invalid", f"{name} takes an RFC 3339 time with its offset")
