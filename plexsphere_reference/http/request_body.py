"""Read a request's body, check its media type, encoding and size, and decode it."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from plexsphere_reference.http.null_members import null_member
from plexsphere_reference.http.problems import Problem

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_UTF_8: Final = frozenset(("utf-8", "utf8", "us-ascii"))
_GZIP: Final = frozenset(("gzip", "x-gzip"))
_GZIP_FORMAT: Final = 31
"""``wbits`` of zlib for gzip's header and checksum. One member only: thousands of empty ones would take seconds."""
_GZIP_OVERHEAD: Final = 1024
"""Bytes that gzip may add to incompressible data. The compressed body may exceed the cap by this much."""
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The JSON escape of NUL, which Postgres cannot store. After an escaped backslash ``u0000`` is plain text."""

Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(frozen=True, kw_only=True)
class BodyRules:
    """The rules for an operation's body.

    Attributes:
        media_type: A body without a ``Content-Type`` counts as JSON.
        cap: Maximum size in bytes after decompression; more is 413.
        malformed: The code of the 400 for an invalid gzip stream.
        too_large: The code of the 413.
    """

    media_type: str
    cap: int
    malformed: str
    too_large: str


async def read_body(request: Request, rules: BodyRules) -> bytes:
    """Read and decompress the body.

    Raises:
        Problem: 415 for another media type or encoding, 413 as soon as the cap is exceeded, 400 for an invalid gzip
            stream.
    """
    _check_media_type(request, rules.media_type)
    if not _is_gzip(request):
        return await read_capped(request, rules, rules.cap)
    return _inflated(await read_capped(request, rules, rules.cap + _GZIP_OVERHEAD), rules)


def decode_body(raw: bytes, kind: type[Body], rules: BodyRules) -> Body:
    """Decode a JSON body as ``kind``.

    Raises:
        Problem: 400 if it is not JSON of that shape; the detail includes the path.
    """
    if _NUL.search(raw):
        raise Problem(400, rules.malformed, "text must not contain NUL")
    try:
        body = msgspec.json.decode(raw, type=kind)
        null = null_member(kind, raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, rules.malformed, str(error)) from error
    if null is not None:
        raise Problem(400, rules.malformed, f"a member must not be null - at `{null}`")
    return body


def _check_media_type(request: Request, expected: str) -> None:
    values = request.headers.getlist("content-type")
    if not any(value.strip() for value in values):
        values = [JSON]
    for value in values:
        media_type, *parameters = (part.strip().lower() for part in value.split(";"))
        charsets = (part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset="))
        if media_type != expected or not _UTF_8.issuperset(charsets):
            detail = f"the body must be {expected} in UTF-8"
            raise Problem(415, "unsupported_media_type", detail, headers={"Accept": expected})


def _is_gzip(request: Request) -> bool:
    encodings = [
        name
        for value in request.headers.getlist("content-encoding")
        for part in value.split(",")
        if (name := part.strip().lower()) not in ("", "identity")
    ]
    if encodings and (len(encodings) > 1 or encodings[0] not in _GZIP):
        detail = "Content-Encoding must be gzip or identity"
        raise Problem(415, "unsupported_media_type", detail, headers={"Accept-Encoding": "gzip, identity"})
    return bool(encodings)


async def read_capped(request: Request, rules: BodyRules, most: int) -> bytes:
    """Read the body as it was sent.

    Raises:
        Problem: 413 as soon as there are more than *most* bytes, 400 if the body ends before its length.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > most:
        raise _too_large(rules)
    raw = bytearray()
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > most:
                raise _too_large(rules)
    except ClientDisconnect as error:  # The client disconnected, which is not a server error.
        raise Problem(400, rules.malformed, "the body ends before its length") from error
    return bytes(raw)


def _inflated(raw: bytes, rules: BodyRules) -> bytes:
    stream = zlib.decompressobj(wbits=_GZIP_FORMAT)
    try:
        # One byte more than the cap limits zip bombs but still reads a valid stream to its checksum.
        inflated = stream.decompress(raw, rules.cap + 1)
    except zlib.error as error:
        raise _no_gzip(rules, str(error)) from error
    if len(inflated) > rules.cap:
        raise _too_large(rules)
    if not stream.eof or stream.unused_data:
        raise _no_gzip(rules, "it ends too early" if not stream.eof else "something follows its end")
    return inflated


def _no_gzip(rules: BodyRules, why: str) -> Problem:
    return Problem(400, rules.malformed, f"the body is not one gzip stream: {why}")


def _too_large(rules: BodyRules) -> Problem:
    return Problem(413, rules.too_large, f"the body is larger than {rules.cap} bytes")
