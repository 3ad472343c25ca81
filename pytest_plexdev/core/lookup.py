"""Suggest a known name for a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.errors.base import PlexdevError


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar known name; ``None`` if none is similar."""
    import difflib  # imported only for a wrong name: every start of pytest imports this module

    by_folded = {each.casefold(): each for each in known}
    folded = name.casefold()
    matches = difflib.get_close_matches(folded, by_folded, n=1)
    if matches:
        return by_folded[matches[0]]
    # "acme" for "acme-corp", "api" for "plexsphere-api": too short for a ratio.
    holders = [each for each in by_folded if len(folded) > 1 and folded in each]
    return by_folded[min(holders, key=len)] if holders else None


def hint(name: str, known: Iterable[str]) -> str:
    """Return "did you mean …?"; empty if no known name is similar."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found is not None else ""


def unknown_name(place: str, kind: str, name: object, known: Sequence[str]) -> PlexdevError:
    """Build the error for an unknown name; it lists all known names and suggests the most similar one.

    Args:
        place: The object that has such names, "the stack" for example.
        kind: The kind of object that is named, "service" for example.
    """
    from pytest_plexdev.errors import UNKNOWN_NAME, PlexdevError

    return PlexdevError(UNKNOWN_NAME, **name_facts(place, kind, name, known))


def name_facts(place: str, kind: str, name: object, known: Sequence[str]) -> dict[str, str]:
    """Return the facts of ``unknown-name``. *name* may be any object: tests are not type-checked."""
    text = name if isinstance(name, str) else repr(name)
    return {
        "place": place,
        "kind": kind,
        "name": text,
        "known": ", ".join(known) or "none at all",
        "fix": hint(text, known) or "use one of those",
    }
