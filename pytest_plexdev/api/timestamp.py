"""The type of a point in time in the API's answers."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

if TYPE_CHECKING:
    Timestamp: TypeAlias = datetime.datetime
else:
    # msgspec resolves a Struct's annotations when it first decodes one, which may be in a test that freezes time:
    # freezegun has replaced the class in the datetime module, and in every module that has it by whatever name, by a
    # subclass that no decoder makes. The real one is found by its own module, and hidden in an annotation.
    Timestamp = Annotated[
        next(kind for kind in datetime.datetime.__mro__ if kind.__module__ == "datetime"), msgspec.Meta()
    ]


def encode_timestamp(value: object) -> str:
    """Encode a subclass of ``datetime``, which msgspec does not: what freezegun's ``now()`` gives.

    Raises:
        NotImplementedError: It is something else.
    """
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise NotImplementedError(f"a {type(value).__name__} has no JSON of its own")
