"""Find members of a request body that are ``null``.

No request schema of the contract's built operations has a null, but a request type has ``| None`` where a member may be
absent, and its decoder takes one for the other.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec


def null_member(kind: type[msgspec.Struct], raw: bytes) -> str | None:
    """The path of the first member of *kind* that is null in *raw*, ``$.reachability`` for example; None without one.

    Members of any shape (``Any``, ``object``, ``Raw``) may be null, and hold nulls.
    """
    return _found(kind, msgspec.json.decode(raw), "$") if b"null" in raw else None


def _found(kind: Any, value: Any, path: str) -> str | None:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict)):
        return None
    for member in msgspec.structs.fields(kind):
        if member.encode_name not in value or member.type in (Any, object):
            continue
        given, where = value[member.encode_name], f"{path}.{member.encode_name}"
        choices = get_args(member.type) or (member.type,)
        if given is None and msgspec.Raw not in choices:
            return where
        nested = (_found(choice, given, where) for choice in choices)
        if found := next((each for each in nested if each), None):
            return found
    return None
