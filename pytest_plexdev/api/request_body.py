"""Encode the bodies of requests: JSON, or bytes that are sent compressed."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from pytest_plexdev.api.timestamp import encode_timestamp


@dataclass(frozen=True)
class GzipBody:
    """A body that is sent compressed. Exchanges record it as it is here.

    Attributes:
        content: The body before compression.
        media_type: Its ``Content-Type``.
    """

    content: bytes
    media_type: str


def encode_body(body: object) -> tuple[bytes, bytes, dict[str, str]]:
    """Return the body as exchanges record it, as it is sent, and the headers that describe it."""
    if body is None:
        return b"", b"", {}
    if isinstance(body, GzipBody):
        import gzip

        described = {"Content-Type": body.media_type, "Content-Encoding": "gzip"}
        return body.content, gzip.compress(body.content, mtime=0), described
    content = msgspec.json.encode(body, enc_hook=encode_timestamp)
    return content, content, {"Content-Type": "application/json"} if content else {}
