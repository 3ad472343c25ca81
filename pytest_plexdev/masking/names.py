"""The names whose values are secrets, in every way that programs write them, and how a name is found in a text."""

from __future__ import annotations

import re
import string
from typing import Final

WORDS: Final = (
    "token", "token_hint", "password", "passwd", "passphrase", "pwd", "secret", "nsk", "nonce", "plaintext", "jwt",
    "bearer", "device_code", "user_code", "code_verifier", "code_verifier_handle", "client_assertion", "api_key",
    "access_key", "secret_key", "private_key", "preshared_key", "cursor_key", "pseudonym_key", "client_key_data",
    "plexsphere_session", "plexsphere_csrf", "plexsphere_sign_in", "csrf", "code", "state",
)  # fmt: skip
"""Names, or ends of names, of secrets; ``-`` or nothing may stand for ``_``, and capitals for small letters."""
_HINTS: Final = ("tok", "pass", "pwd", "secret", "nsk", "nonce", "plaintext", "jwt", "bearer", "code", "assertion",
                 "key", "plexsphere", "csrf", "state")  # fmt: skip
"""One of these is in every text that has a name: most texts have none, and cost no more than this look."""
NAME: Final = re.compile(
    rf"({'|'.join(sorted((word.replace('_', '[-_]?') for word in WORDS), key=len, reverse=True))})"
    r"(?:(?P<encoded>%(?:25){0,4}3d)"
    r"|(?P<beside>\\{0,8}[\"'](?:[ \t]{1,8}|[ \t]{0,8},\s{0,80})"
    r"\\{0,8}[\"']?value\\{0,8}[\"']?[ \t]{0,8}[=:][ \t]{0,8})"
    r"|(?P<closed>\\{0,8}[\"'])?(?P<before>[ \t]{0,80})(?P<sign>[:=,])(?P<after>[ \t]{0,80})"
    r"|(?P<space>[ \t]{1,8}(?=\S)))"
    r"(?:[bBuUrRfF]{0,2}(?P<quote>\\{0,8}[\"']))?",
    re.ASCII,
)
"""Matched against small letters: that costs a tenth of matching whatever the case is."""
_SMALL: Final = {ord(letter): letter.lower() for letter in string.ascii_uppercase}
WEAK: Final = frozenset({"code", "state"})
"""Words of other meanings too: they name a secret where they are whole names, and their values look like one."""


def may_have_name(small: str) -> bool:
    """Whether a text in small letters may have one of the names."""
    return any(hint in small for hint in _HINTS)


def small_letters(text: str) -> str:
    """*text* in small letters, character by character."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_SMALL)
