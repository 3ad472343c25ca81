"""The one rule by which secrets are masked in whatever is shown or kept: text in, the same text with ``***`` out.

Masked are: tokens of the product (``psk_``, ``psb_``, ``nsk_``), JWTs, private keys, the credentials in a URL, bearers,
cookies, and the values of names such as ``password`` or ``client_secret``, as a form, a query, JSON, a Python repr,
YAML, a header or a command line writes them. What is kept is what a reader needs and nobody can use: names, a token's
kind, the last four characters of a long one (they tell two tokens apart), ``None`` and empty values.

The time is linear in the text, and a text that is masked already stays as it is. A secret cut in two is not recognised:
mask first, cut then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from pytest_plexdev.masking.formats import mask_formats
from pytest_plexdev.masking.names import NAME, may_have_name, small_letters
from pytest_plexdev.masking.spans import replace
from pytest_plexdev.masking.values import named_value

_HTTP_HINTS: Final = ("authorization", "cookie", "bearer ", "basic ", "dpop ", "code", "state", "hmac")
"""One of these is in every text, in small letters, that has a secret of HTTP."""
_LONGEST_SECRET: Final = 16_384
"""Characters of one word; a session with many roles in it has some thousand."""


def mask(text: str, known: Collection[str] = ()) -> str:
    """Replace every secret in *text*.

    Args:
        known: Values that are secrets wherever they stand: ``Stack.secrets`` has those of a run.
    """
    if known:
        from pytest_plexdev.masking.known import mask_known  # only a run that has a stack knows some

        text = mask_known(text, known)
    return _masked(text, lambda _: None)


def mask_and_collect(text: str) -> tuple[str, list[str]]:
    """Mask, and also return the values that only their names gave away: nothing recognises them elsewhere."""
    values: list[str] = []
    return _masked(text, values.append), values


def without_cut_word(text: str) -> str:
    """*text*, the end of a longer one, without the word that the cut may have gone through."""
    found = re.search(r"\s", text[:_LONGEST_SECRET])
    return text[found.start() if found else _LONGEST_SECRET :]


def _masked(text: str, found: Callable[[str], None]) -> str:
    text = mask_formats(text)
    small = text.lower()
    if any(hint in small for hint in _HTTP_HINTS):
        from pytest_plexdev.masking.http import mask_http  # a millisecond that most commands and runs do not need

        text = mask_http(text, small)
    if may_have_name(small):
        text = replace(text, NAME, lambda text, name: named_value(text, name, found), searched=small_letters(text))
    return text
