"""Parse and format durations with the syntax and range of Go's ``time.ParseDuration``.

The contract encodes the durations of a reachability policy that way (schema DomainReachabilityPolicy).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

_SECOND: Final = 1_000_000_000
_UNITS: Final[Mapping[str, int]] = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_MOST: Final = (1 << 63) - 1
"""Maximum of int64 nanoseconds, about 292 years."""
_TERM: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")
_LONGEST_SHOWN: Final = 32


class InvalidDuration(ValueError):
    """The text is not a Go duration, or exceeds int64 nanoseconds; the message says which."""


def parse_duration(text: str) -> int:
    """Parse a Go duration, for example ``1h30m``, ``1.5m``, ``-250ms`` or ``0``.

    Returns:
        Nanoseconds, truncated as in Go.

    Raises:
        InvalidDuration: Go's parser would reject the text.
    """
    negative, rest = text.startswith("-"), text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total, position = 0, 0
    while position < len(rest):
        match = _TERM.match(rest, position)
        if match is None:
            raise _not_a_duration(text)
        total += _term(match, text)
        position = match.end()
        if total > _MOST + negative:
            raise InvalidDuration(f"{_shown(text)} is longer than the {_MOST} ns that a duration can have")
    if position == 0:
        raise _not_a_duration(text)
    return -total if negative else total


def format_seconds(nanoseconds: int) -> str:
    """Format a duration in seconds, ``90s`` or ``10.5s``, as in the contract's examples."""
    return f"{Decimal(nanoseconds).scaleb(-9).normalize():f}s"


def _term(match: re.Match[str], text: str) -> int:
    whole, fraction, unit = match[1], match[2] or "", _UNITS.get(match[3])
    if unit is None or not (whole or fraction):
        raise _not_a_duration(text)
    # Longer numbers overflow in every unit, so do not convert them.
    if len(whole.lstrip("0")) > len(str(_MOST)):
        raise InvalidDuration(f"{_shown(text)} is longer than the {_MOST} ns that a duration can have")
    return int(whole or "0") * unit + _below_unit(fraction, unit)


def _below_unit(fraction: str, unit: int) -> int:
    """Convert a fraction of a unit to nanoseconds as Go does: in floats, dropping digits that exceed int64."""
    value, scale = 0, 1.0
    for digit in fraction[: len(str(_MOST))]:
        if value * 10 + int(digit) > _MOST:
            break
        value, scale = value * 10 + int(digit), scale * 10
    return int(value * (unit / scale))


def _not_a_duration(text: str) -> InvalidDuration:
    return InvalidDuration(f"{_shown(text)} is not a duration such as 30s, 1.5m or 1h30m")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")
