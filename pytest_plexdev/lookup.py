"""Names that people type and that must be one of a few: which of them was meant."""

from __future__ import annotations

from collections.abc import Iterable


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
