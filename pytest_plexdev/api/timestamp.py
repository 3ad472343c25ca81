"""Define the type of timestamps in the API's answers, which also works while a test freezes time."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

if TYPE_CHECKING:
    Timestamp: TypeAlias = datetime.datetime
else:
    # msgspec resolves a Struct's annotations when it first decodes one, which may be in a test that freezes time. By
    # then freezegun has replaced the class in every module by a subclass that msgspec cannot decode. So find the real
    # class by its module, and hide it from freezegun in an annotation.
    Timestamp = Annotated[
        next(kind for kind in datetime.datetime.__mro__ if kind.__module__ == "datetime"), msgspec.Meta()
    ]


def encode_timestamp(value: object) -> str:
    """Encode a subclass of ``datetime``, such as that of freezegun's ``now()``, which msgspec does not encode.

    Raises:
        NotImplementedError: *value* is not a ``datetime``.
    """
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise NotImplementedError(f"a {type(value).__name__} cannot be encoded as JSON")
