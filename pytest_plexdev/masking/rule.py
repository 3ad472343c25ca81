"""Mask secrets in all output and files by one rule: each secret in a text is replaced with ``***``.

Secrets are: tokens of the product (``psk_``, ``psb_``, ``nsk_``), JWTs, private keys, credentials in URLs, bearer
tokens, cookies, and the values of names such as ``password`` or ``client_secret``, in forms, queries, JSON, Python
reprs, YAML, headers and command lines. Kept is what is useful and harmless: names, the prefix of a token, the last four
characters of a long one (to distinguish two tokens), ``None`` and empty values.

Masking takes linear time and is idempotent. A secret that is cut in two is not recognised, so mask before cutting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from pytest_plexdev.masking.formats import mask_formats
from pytest_plexdev.masking.names import NAME, lowercase, may_have_name
from pytest_plexdev.masking.spans import replace
from pytest_plexdev.masking.values import named_value

_HTTP_HINTS: Final = ("authorization", "cookie", "bearer ", "basic ", "dpop ", "code", "state", "hmac")
"""Each lowercase text with a secret of HTTP contains one of these."""
_MAX_SECRET_LENGTH: Final = 16_384
"""Maximum length of a word in characters; a session token with many roles has some thousands."""


def mask(text: str, known: Collection[str] = ()) -> str:
    """Replace every secret in *text*.

    Args:
        known: Values that are masked wherever they occur, for example ``Stack.secrets``.
    """
    if known:
        from pytest_plexdev.masking.known import mask_known  # lazy: only a run with a stack has some

        text = mask_known(text, known)
    text = mask_formats(text)
    lowered = text.lower()
    if any(hint in lowered for hint in _HTTP_HINTS):
        from pytest_plexdev.masking.http import mask_http  # lazy: takes 1 ms, and most runs do not need it

        text = mask_http(text, lowered)
    return _mask_named(text, lowered, lambda _: None)


def named_secrets(text: str) -> list[str]:
    """Return the values in *text* that are recognised as secrets by their names, to mask them elsewhere."""
    values: list[str] = []
    _mask_named(text, text.lower(), values.append)
    return values


def without_cut_word(text: str) -> str:
    """Return *text*, the end of a longer text, without its first word, which may be incomplete."""
    found = re.search(r"\s", text[:_MAX_SECRET_LENGTH])
    return text[found.start() if found else _MAX_SECRET_LENGTH :]


def _mask_named(text: str, lowered: str, found: Callable[[str], None]) -> str:
    """Mask the values after names.

    Args:
        lowered: *text* before it was masked otherwise, in lowercase.
        found: Called with each value that is recognised only by its name.
    """
    if not may_have_name(lowered):
        return text
    return replace(text, NAME, lambda text, name: named_value(text, name, found), searched=lowercase(text))
