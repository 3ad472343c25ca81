"""Rules of label definitions: keys, value schemas, defaults."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from plexsphere_reference.rules import go_regexp
from plexsphere_reference.rules.tenancy import Invalid

Kind: TypeAlias = Literal["string", "enum", "numeric", "boolean", "regex"]

_LOCAL_KEY: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_RESERVED_KEY: Final = re.compile(r"plexsphere([._-].*)?")
_OBJECT_KIND: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_INT64: Final = range(-(2**63), 2**63)
_LARGEST_VALUE: Final = 256
_MOST_VALUES: Final = 256
_FIELDS: Final = {
    "string": {"max_len"},
    "enum": {"values"},
    "numeric": {"min", "max"},
    "boolean": set[str](),
    "regex": {"pattern"},
}


class ReservedKey(Invalid):
    """The key is reserved for the platform."""


class InvalidValueSchema(Invalid):
    """The value schema is contradictory or incomplete."""


@dataclass(frozen=True, kw_only=True)
class ValueSchema:
    """The values that a label may have. Fields that do not apply to ``kind`` are None."""

    kind: Kind
    max_len: int | None = None
    values: Sequence[str] | None = None
    min: int | None = None
    max: int | None = None
    pattern: str | None = None

    def check(self) -> None:
        """Check that the schema is consistent.

        Raises:
            InvalidValueSchema: It is contradictory, or lacks a field that its kind requires.
        """
        present = {name for name in ("max_len", "values", "min", "max", "pattern") if getattr(self, name) is not None}
        if foreign := present - _FIELDS[self.kind]:
            raise InvalidValueSchema(f"kind {self.kind} does not take {', '.join(sorted(foreign))}")
        match self.kind:
            case "string":
                _require(self.max_len is None or self.max_len in range(2**31), "max_len must not be negative")
            case "enum":
                _check_values(self.values or ())
            case "numeric":
                _check_bounds(self.min, self.max)
            case "regex":
                _check_pattern(self.pattern or "")

    def admits(self, value: object) -> bool:
        """Return whether a label may have this value."""
        match self.kind:
            case "boolean":
                return isinstance(value, bool)
            case "numeric":
                low = _INT64.start if self.min is None else self.min
                high = _INT64.stop - 1 if self.max is None else self.max
                return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
            case "enum":
                return value in (self.values or ())
            case "string":
                return isinstance(value, str) and len(value.encode()) <= (self.max_len or _LARGEST_VALUE)
            case "regex":
                return isinstance(value, str) and go_regexp.matches(self.pattern or "", value)


def check_local_key(key: str) -> str:
    """Check the local part of a label key.

    Raises:
        ReservedKey: The key is ``plexsphere`` or starts with it and a separator.
    """
    if not _LOCAL_KEY.fullmatch(key):
        raise Invalid("local_key must be 1 to 64 of a-z, 0-9, '.', '_' and '-', with no separator at either end")
    if _RESERVED_KEY.fullmatch(key):
        raise ReservedKey(f"local_key {key} is reserved for the platform")
    return key


def check_applicable_kinds(kinds: Sequence[str]) -> list[str]:
    if not all(_OBJECT_KIND.fullmatch(kind) for kind in kinds) or len(set(kinds)) != len(kinds):
        raise Invalid("applicable_kinds must be different lowercase object kinds such as node or resource")
    return list(kinds)


def _check_values(values: Sequence[str]) -> None:
    _require(1 <= len(values) <= _MOST_VALUES, f"kind enum needs 1 to {_MOST_VALUES} values")
    _require(all(value.strip() for value in values), "values must not be blank")
    _require(len(set(values)) == len(values), "values must differ from each other")


def _check_bounds(low: int | None, high: int | None) -> None:
    _require(all(bound is None or bound in _INT64 for bound in (low, high)), "min and max must be 64-bit integers")
    _require(low is None or high is None or low <= high, "min must not be greater than max")


def _check_pattern(pattern: str) -> None:
    _require(bool(pattern), "kind regex needs a pattern")
    try:
        go_regexp.check(pattern)
    except go_regexp.InvalidPattern as error:
        raise InvalidValueSchema(f"pattern is not a Go regular expression: {error}") from error


def _require(condition: bool, rule: str) -> None:  # noqa: FBT001 (reads as an assertion)
    if not condition:
        raise InvalidValueSchema(rule)
