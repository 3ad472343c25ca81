"""Mask secrets that are recognised by their own format: tokens of the product, JWTs, private keys, URL credentials."""

from __future__ import annotations

import re
from typing import Final

from pytest_plexdev.masking.spans import MASK

_TAIL: Final = 4
"""Number of characters that are kept at the end of a long token: they reveal 20 of its 256 random bits."""
_LONG: Final = 40

_SPLIT_BYTES: Final = r"(?<!\\)([\"'])\n[ \t]{1,200}b\1"
"""Where ``pprint`` splits long bytes into two literals. A split secret would not be recognised."""
# Not compiled here: `re` caches compiled patterns, and most are never needed.
_PREFIXED: Final = (
    r"(?a)(?:\b(?=p|n)|(?=(?:psk|psb|nsk)_[A-Za-z0-9_-]{16}))(psk|psb|nsk)_([A-Za-z0-9_-]++(?:\.{3}[A-Za-z0-9_-]++)?)"
)
"""A long token also matches inside a word, after ``\\n`` in a repr or ``%20`` in a URL. pytest shortens a repr with
``...``."""
_DOTTED: Final = r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{16,}+(?:\.++[A-Za-z0-9_-]*+){0,8}+"
_PEM: Final = (
    r"(?s)(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)(?!\*\*\*).*?(-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)"
)
_BASE64_PEM: Final = r"LS0tLS1CRUdJTiB(?:QUklWQVRFIEtFWS|SU0EgUFJJVkFURSBLRVkt|FQyBQUklWQVRFIEtFWS)[\w+/=]*+"
"""``-----BEGIN PRIVATE KEY``, also with ``RSA`` or ``EC``, in base64, as in a kubeconfig."""
_USER_INFO: Final = r"(://[^\s/?#\"'<>@:]*+:)([^\s/?#\"'<>]*)@"
_ENCODED_USER_INFO: Final = (
    r"(?i)(%3A%2F%2F[^\s&\"'%]{0,100}(?:%(?!3A|2F|40)[^\s&\"'%]{0,100}){0,9}%3A)([^\s&\"'/]{0,300}?)(%40)"
)
_LONE_USER: Final = r"\b(nats://|tls://)([^\s/?#\"'<>@:]++)@"
"""NATS accepts a token instead of a user."""


def mask_formats(text: str) -> str:
    """Mask the secrets in *text* that are recognised by their format."""
    # Each substring check costs a hundredth of the pattern that it can skip, and most texts need no pattern.
    if " b'" in text or ' b"' in text:
        text = re.sub(_SPLIT_BYTES, "", text)
    if "PRIVATE KEY" in text:
        text = re.sub(_PEM, rf"\1{MASK}\2", text)
    if "LS0tLS1CRUdJTiB" in text:
        text = re.sub(_BASE64_PEM, MASK, text)
    if "psk_" in text or "psb_" in text or "nsk_" in text:
        text = re.sub(_PREFIXED, _prefix_and_end, text)
    if "eyJ" in text:
        text = re.sub(_DOTTED, _without_jwt, text)
    if "://" in text and "@" in text:
        text = re.sub(_LONE_USER, rf"\1{MASK}@", re.sub(_USER_INFO, rf"\1{MASK}@", text))
    if "%40" in text:
        text = re.sub(_ENCODED_USER_INFO, rf"\1{MASK}\3", text)
    return text


def _prefix_and_end(token: re.Match[str]) -> str:
    secret = token[2]
    return f"{token[1]}_{MASK}{secret[-_TAIL:] if len(secret) >= _LONG and secret[-_TAIL:].isalnum() else ''}"


def _without_jwt(run: re.Match[str]) -> str:
    begin = run[0].find("eyJ")
    return run[0] if begin < 0 or len(run[0]) - begin < _LONG // 2 else f"{run[0][:begin]}eyJ{MASK}"
