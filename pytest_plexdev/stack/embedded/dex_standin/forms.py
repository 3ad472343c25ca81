"""Parse and encode form and query values like Go's ``net/http``: the first value of a name is used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, unquote_plus, urlencode

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

Values: TypeAlias = dict[str, str]

_MAX_BODY_BYTES = 10 * 1024 * 1024  # Go's own limit
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)


class FormError(Exception):
    """Values that cannot be parsed. The message is Go's."""


def query_values(request: Request) -> Values:
    return _values(request.url.query)


def unescape(value: str) -> str:
    """Decode one URL encoding.

    Raises:
        FormError: A percent sign is not followed by two hex digits.
    """
    _check_escapes(value)
    return unquote_plus(value)


async def body_values(request: Request) -> Values:
    """Return the values of an urlencoded body; empty if the body has another content type.

    Raises:
        FormError: The body is too large, incomplete or not UTF-8.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        encoded = (await _body(request)).decode()
    except (ClientDisconnect, UnicodeDecodeError) as problem:
        raise FormError(str(problem)) from None
    _check_escapes(encoded)
    return _values(encoded)


async def form_values(request: Request) -> Values:
    """Return the values of body and query; the body takes precedence.

    Raises:
        FormError: One of them cannot be parsed.
    """
    _check_escapes(request.url.query)
    return query_values(request) | await body_values(request)


def encode(values: Mapping[str, str]) -> str:
    """Encode *values* like Go's ``url.Values.Encode``: sorted by name, spaces as ``+``."""
    return urlencode(sorted(values.items()))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise FormError("http: POST too large")
    return bytes(body)


def _check_escapes(encoded: str) -> None:
    if bad := _BAD_ESCAPE.search(encoded):
        raise FormError(f'invalid URL escape "{bad[0]}"')


def _values(encoded: str) -> Values:
    values: Values = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        values.setdefault(name, value)
    return values
