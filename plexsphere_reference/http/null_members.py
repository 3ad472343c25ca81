"""Find members of a request body that are ``null``.

The contract's request schemas allow no null. The request types use ``| None`` for optional members, so their decoder
would accept null for an absent member.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec


def null_member(kind: type[msgspec.Struct], raw: bytes) -> str | None:
    """Return the path of the first null member, for example ``$.reachability``; None if there are no nulls.

    Members of type ``Any``, ``object`` or ``Raw`` may be or contain null.
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
