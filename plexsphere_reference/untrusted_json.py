"""Decode JSON from servers that are not trusted: it may be broken, not UTF-8, or nested without end."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Decoded = TypeVar("Decoded")


class Unreadable(Exception):
    """The content is not the JSON that it should be; the message says where."""


def decode(content: bytes, kind: type[Decoded]) -> Decoded:
    """The content as *kind*; members that *kind* does not have are passed over.

    Raises:
        Unreadable: It is not.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error
