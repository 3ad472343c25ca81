"""Decode untrusted JSON, which may be malformed, not UTF-8, or nested too deeply."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Decoded = TypeVar("Decoded")


class Unreadable(Exception):
    """The content is not JSON of the expected type; the message includes the location."""


def decode(content: bytes, kind: type[Decoded]) -> Decoded:
    """Decode the content as *kind*. Unknown members are ignored.

    Raises:
        Unreadable: The content is not JSON of this type.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error
