"""Secrets that a run knows: they are masked wherever they stand, with or without a name.

A word that people choose (``password``, ``plexsphere``, ``test-key`` of the runbook) is not masked everywhere, for that
would make every text unreadable; its name masks it. Which of them are random is told by their length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from pytest_plexdev.masking.formats import mask_formats
from pytest_plexdev.masking.spans import LONG, MASK


def unlike_words(values: Iterable[str]) -> frozenset[str]:
    """Those of *values* that no text has by chance; not those whose form is masked already, and keeps its end."""
    return frozenset(value for value in values if len(value) >= LONG and mask_formats(value) == value)


def credentials_in(*urls: str | None) -> Iterator[str]:
    """The passwords, or the tokens in their place, that *urls* carry, as they stand there and decoded.

    Args:
        urls: ``None`` has none.
    """
    for url in urls:
        user_info, at, _ = (url or "").partition("://")[2].partition("/")[0].rpartition("@")
        if at:
            user, colon, password = user_info.partition(":")
            credential = password if colon else user
            yield from {credential, unquote(credential)}


def mask_known(text: str, known: Iterable[str]) -> str:
    """Mask the values of *known*, a longer one before one that it contains."""
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text
