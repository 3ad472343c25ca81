"""Mask the known secrets of a run wherever they occur, with or without a name.

A password that is a word (``password``, ``plexsphere``, ``test-key`` of the runbook) is masked only after its name,
because masking it everywhere would make texts unreadable. A long value counts as random.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from pytest_plexdev.masking.formats import mask_formats
from pytest_plexdev.masking.spans import LONG, MASK


def distinctive_values(values: Iterable[str]) -> frozenset[str]:
    """Return the values that cannot occur by chance, without those that :func:`mask_formats` masks already."""
    return frozenset(value for value in values if len(value) >= LONG and mask_formats(value) == value)


def credentials_in(*urls: str | None) -> Iterator[str]:
    """Yield the passwords in *urls*, or the tokens in place of a user, as they occur and URL-decoded."""
    for url in urls:
        user_info, at, _ = (url or "").partition("://")[2].partition("/")[0].rpartition("@")
        if at:
            user, colon, password = user_info.partition(":")
            credential = password if colon else user
            yield from {credential, unquote(credential)}


def mask_known(text: str, known: Iterable[str]) -> str:
    """Mask all occurrences of the values in *known*, longer ones first, because they may contain shorter ones."""
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text
