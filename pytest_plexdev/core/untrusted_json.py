"""Decode JSON from servers, files and programs. Endless nesting is refused.

The parsers recurse for each level and raise ``RecursionError``, which no caller expects. These functions raise the same
error as for any other invalid content.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_plexdev.core.text import check_texts

if TYPE_CHECKING:
    import msgspec

Decoded = TypeVar("Decoded")

_TOO_DEEP: Final = "it is nested too deeply"


def decode_json(content: bytes | str) -> Any:
    """Decode *content* to Python objects.

    Raises:
        ValueError: It is not JSON.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def decode_file(content: bytes) -> Any:
    """Decode a file that a user may have edited, and check that its texts can be paths or arguments.

    Raises:
        ValueError: It is not JSON, or a text in it is not :func:`~pytest_plexdev.core.text.is_usable`.
    """
    document = decode_json(content)
    try:
        check_texts(document)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return document


def decode_first_json(text: str, start: int) -> Any:
    """Decode the value that begins at *start* in *text* and ignore the rest.

    Raises:
        ValueError: No value begins there.
    """
    try:
        return json.JSONDecoder().raw_decode(text, start)[0]
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def decode_as(content: bytes | str | msgspec.Raw, kind: type[Decoded]) -> Decoded:
    """Decode *content* as *kind*; unknown members are ignored.

    Raises:
        msgspec.DecodeError: It is not valid JSON of this type.
    """
    import msgspec  # not needed without a type

    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError:
        raise msgspec.DecodeError(_TOO_DEEP) from None
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None
