"""The names whose values are secrets, in all spellings, and the pattern that finds a name in a text."""

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
"""Names of secrets, or suffixes of names. ``_`` also matches ``-`` or nothing, and case is ignored."""
_HINTS: Final = ("tok", "pass", "pwd", "secret", "nsk", "nonce", "plaintext", "jwt", "bearer", "code", "assertion",
                 "key", "plexsphere", "csrf", "state")  # fmt: skip
"""Each name contains one of these. Most texts contain none, so the pattern is skipped."""
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
"""Matched against lowercase text, which takes a tenth of the time of ``re.IGNORECASE``."""
_LOWERCASE: Final = {ord(letter): letter.lower() for letter in string.ascii_uppercase}
WEAK: Final = frozenset({"code", "state"})
"""Names with other meanings too. They name a secret only as whole names, and only if the value looks like one."""


def may_have_name(lowered: str) -> bool:
    """Whether a lowercase text may contain one of the names."""
    return any(hint in lowered for hint in _HINTS)


def lowercase(text: str) -> str:
    """Return *text* in lowercase with the same length, so that positions are the same."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_LOWERCASE)
