"""Decode JSON from servers, files and programs. Endless nesting is refused.

Every parser here calls itself for each level, and Python ends that with ``RecursionError``, which no caller expects.
These functions raise the error of any other content that is not the JSON that it should be.
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
    """*content* as Python objects.

    Raises:
        ValueError: It is not JSON.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def decode_file(content: bytes) -> Any:
    """What a file of ours says, which a person may have edited: each text in it can be a path or an argument.

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
    """The value that begins at *start* in *text*, whatever follows it.

    Raises:
        ValueError: None does.
    """
    try:
        return json.JSONDecoder().raw_decode(text, start)[0]
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def decode_as(content: bytes | str | msgspec.Raw, kind: type[Decoded]) -> Decoded:
    """*content* as *kind*; members that *kind* does not have are passed over.

    Raises:
        msgspec.DecodeError: It is not such JSON.
    """
    import msgspec  # whoever decodes without a type does not need it

    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError:
        raise msgspec.DecodeError(_TOO_DEEP) from None
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None
