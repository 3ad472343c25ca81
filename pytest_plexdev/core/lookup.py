"""Find the known name that a misspelt one stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.errors.base import PlexdevError


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that *name* is most like; ``None`` where it is like none of them."""
    import difflib  # only for a name that is wrong: every start of pytest imports this module's users

    by_folded = {each.casefold(): each for each in known}
    folded = name.casefold()
    matches = difflib.get_close_matches(folded, by_folded, n=1)
    if matches:
        return by_folded[matches[0]]
    # "acme" for "acme-corp", "api" for "plexsphere-api": too short for a ratio, and meant all the same.
    holders = [each for each in by_folded if len(folded) > 1 and folded in each]
    return by_folded[min(holders, key=len)] if holders else None


def hint(name: str, known: Iterable[str]) -> str:
    """A sentence for people: "did you mean …?", or empty where nothing is near."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found is not None else ""


def unknown_name(place: str, kind: str, name: object, known: Sequence[str]) -> PlexdevError:
    """The error for a name that is none of the known ones: it has them all, and the nearest.

    Args:
        place: What has such names, "the stack" for example.
        kind: What the name is of, "service" for example.
    """
    from pytest_plexdev.errors import UNKNOWN_NAME, PlexdevError

    return PlexdevError(UNKNOWN_NAME, **name_facts(place, kind, name, known))


def name_facts(place: str, kind: str, name: object, known: Sequence[str]) -> dict[str, str]:
    """The facts of ``unknown-name``, for what is no name at all too: a test is not type-checked."""
    said = name if isinstance(name, str) else repr(name)
    return {
        "place": place,
        "kind": kind,
        "name": said,
        "known": ", ".join(known) or "none at all",
        "fix": hint(said, known) or "use one of those",
    }
