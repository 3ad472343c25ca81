"""Secrets that show by themselves what they are: tokens of the product, JWTs, private keys, credentials in a URL."""

from __future__ import annotations

import re
from typing import Final

from pytest_plexdev.masking.spans import MASK

_TAIL: Final = 4
"""Characters kept of the end of a long token: of 256 random bits they tell 20."""
_LONG: Final = 40

_SPLIT_BYTES: Final = r"(?<!\\)([\"'])\n[ \t]{1,200}b\1"
"""Where ``pprint`` cuts long bytes into two literals: a secret that is cut is not recognised."""
# Text, and not compiled: `re` keeps what it has compiled, and each is needed where a text has its beginning only.
_PREFIXED: Final = (
    r"(?a)(?:\b(?=p|n)|(?=(?:psk|psb|nsk)_[A-Za-z0-9_-]{16}))(psk|psb|nsk)_([A-Za-z0-9_-]++(?:\.{3}[A-Za-z0-9_-]++)?)"
)
"""Inside a word too where it is long: ``\\n`` in a repr, ``%20`` in a URL. ``...`` is where pytest shortens a repr."""
_DOTTED: Final = r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{16,}+(?:\.++[A-Za-z0-9_-]*+){0,8}+"
_PEM: Final = (
    r"(?s)(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)(?!\*\*\*).*?(-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)"
)
_BASE64_PEM: Final = r"LS0tLS1CRUdJTiB(?:QUklWQVRFIEtFWS|SU0EgUFJJVkFURSBLRVkt|FQyBQUklWQVRFIEtFWS)[\w+/=]*+"
"""``-----BEGIN PRIVATE KEY``, with ``RSA`` and with ``EC``, as a kubeconfig holds it."""
_USER_INFO: Final = r"(://[^\s/?#\"'<>@:]*+:)([^\s/?#\"'<>]*)@"
_ENCODED_USER_INFO: Final = (
    r"(?i)(%3A%2F%2F[^\s&\"'%]{0,100}(?:%(?!3A|2F|40)[^\s&\"'%]{0,100}){0,9}%3A)([^\s&\"'/]{0,300}?)(%40)"
)
_LONE_USER: Final = r"\b(nats://|tls://)([^\s/?#\"'<>@:]++)@"
"""NATS takes a token in the place of the user."""


def mask_formats(text: str) -> str:
    """Mask what shows by itself that it is a secret."""
    # Each look costs a hundredth of the pattern that it saves, and most texts need none.
    if " b'" in text or ' b"' in text:
        text = re.sub(_SPLIT_BYTES, "", text)
    if "PRIVATE KEY" in text:
        text = re.sub(_PEM, rf"\1{MASK}\2", text)
    if "LS0tLS1CRUdJTiB" in text:
        text = re.sub(_BASE64_PEM, MASK, text)
    if "psk_" in text or "psb_" in text or "nsk_" in text:
        text = re.sub(_PREFIXED, _kind_and_end, text)
    if "eyJ" in text:
        text = re.sub(_DOTTED, _without_jwt, text)
    if "://" in text and "@" in text:
        text = re.sub(_LONE_USER, rf"\1{MASK}@", re.sub(_USER_INFO, rf"\1{MASK}@", text))
    if "%40" in text:
        text = re.sub(_ENCODED_USER_INFO, rf"\1{MASK}\3", text)
    return text


def _kind_and_end(token: re.Match[str]) -> str:
    secret = token[2]
    return f"{token[1]}_{MASK}{secret[-_TAIL:] if len(secret) >= _LONG and secret[-_TAIL:].isalnum() else ''}"


def _without_jwt(run: re.Match[str]) -> str:
    begin = run[0].find("eyJ")
    return run[0] if begin < 0 or len(run[0]) - begin < _LONG // 2 else f"{run[0][:begin]}eyJ{MASK}"
