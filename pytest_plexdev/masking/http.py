"""Mask secrets of HTTP: the values of headers and cookies, bearer tokens, and the parameters of a sign-in."""

from __future__ import annotations

import re
from typing import Final

from pytest_plexdev.masking.spans import LONG, MASK, Span, end_of_line, end_of_match, end_of_quoted, replace, shown

_HEADER: Final = re.compile(
    r"(authorization|cookie)(\\{0,8}[\"']?[ \t]{0,40}[:=,][ \t]{0,40}(?:[bB](?=\\{0,8}[\"']))?)(\\{0,8}[\"'])?",
    re.IGNORECASE | re.ASCII,
)
_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Digest|DPoP|Negotiate|Token)[ \t]+", re.IGNORECASE)
_TOKEN: Final = re.compile(r"(?:Bearer|Basic|DPoP|Token)[ \t]+[A-Za-z0-9._~+/*-]+=*(?=([\"']))", re.IGNORECASE)
"""A token up to a quote, which is the one before the name of the header in a command line."""
_PAIR: Final = re.compile(r"([^\s=;,\"'<>()]{1,200})=([^\s;\"']++)")
_COOKIES: Final = re.compile(
    r"(?:[^\s=;,\"'<>()]{1,200}=[^;\s\"']*+(?:;[ \t]{0,8}|(?=[\s\"']|\Z))"
    r"|(?:HttpOnly|Secure|Partitioned)\b;?[ \t]{0,8})++"
)
_LONG_WORD: Final = re.compile(r"[^\s\"']{16,}+")
_COOKIE_ATTRIBUTES: Final = frozenset({"domain", "expires", "max-age", "path", "samesite"})
_BEARER: Final = re.compile(r"\b([Bb]earer|BEARER|Basic|DPoP)([ \t]+)([A-Za-z0-9._~+/-]{6,}+=*+)", re.ASCII)
_QUERY: Final = re.compile(
    r"((?:[?&;]|%(?:25){0,4}(?:3F|26))(?:amp;)?(?:code|state|hmac)(?:=|(%(?:25){0,4}3D)))((?:(?!%(?:25){0,4}26)[^&\s\"'])++)"
    r"|((?<![^\s\"'>])(?:code|state)=)([^&\s\"']++)(?=&\w)",
    re.IGNORECASE | re.ASCII,
)
"""``code`` and ``state`` are secrets only as parameters of a sign-in. Problems, Nodes and Pods have them as words."""


def mask_http(text: str, lowered: str) -> str:
    """Mask headers, bearer tokens and parameters.

    Args:
        lowered: *text* in lowercase.
    """
    if "authorization" in lowered or "cookie" in lowered:
        text = replace(text, _HEADER, _header_value)
    if "bearer " in lowered or "basic " in lowered or "dpop " in lowered:
        text = _BEARER.sub(_without_bearer, text)
    if "code" in lowered or "state" in lowered or "hmac" in lowered:
        text = _QUERY.sub(_without_parameter, text)
    return text


def _without_bearer(match: re.Match[str]) -> str:
    scheme, space, value = match.groups()
    is_secret = len(value) >= LONG or any(letter.isdigit() for letter in value)
    is_secret = is_secret and not match.string.startswith(MASK, match.end())  # prefix of a masked token
    return f"{scheme}{space}{MASK}" if is_secret else match[0]


def _without_parameter(match: re.Match[str]) -> str:
    prefix = match[1] or match[4]
    return f"{prefix}{shown(match[3] or match[5])}"


def _header_value(text: str, header: re.Match[str]) -> Span | None:
    begin, quote = header.end(), header[3]
    is_cookie = header[1].lower() == "cookie"
    if quote:
        end = end_of_quoted(text, begin, quote)
    elif is_cookie:
        end = end_of_match(_COOKIES, text, begin)
    elif (token := _TOKEN.match(text, begin)) and text[: header.start()].endswith(token[1]):
        end = token.end()
    else:
        end = end_of_line(text, begin) if _SCHEME.match(text, begin) else end_of_match(_LONG_WORD, text, begin)
    value = text[begin:end]
    if is_cookie and "=" in value:
        return begin, end, _PAIR.sub(_without_cookie, value)
    scheme = _SCHEME.match(value)
    kept = scheme[0] if scheme else ""
    rest = value[len(kept) :]
    return (begin, end, f"{kept}{shown(rest)}") if rest else None


def _without_cookie(pair: re.Match[str]) -> str:
    return pair[0] if pair[1].lower() in _COOKIE_ATTRIBUTES else f"{pair[1]}={shown(pair[2])}"
