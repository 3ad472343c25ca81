"""Make text printable and short, and check text from files before it is used as a path."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping


def printable(text: str) -> str:
    """Return *text* with lone surrogates, which UTF-8 cannot encode, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def abbreviated(names: Collection[str], limit: int) -> str:
    """Return the first *limit* names, and how many more there are."""
    rest = len(names) - limit
    return ", ".join([*names][:limit]) + (f" and {rest} more" if rest > 0 else "")


def is_usable(text: str) -> bool:
    """Whether *text* can be part of a path or of a program's argument: no NUL, no lone surrogate."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # a lone surrogate
        return False


def check_texts(document: object) -> None:
    """Check that every text of a document, at any depth, can be a path or an argument of a program.

    Raises:
        ValueError: A text is not :func:`is_usable`.
    """
    if isinstance(document, str):
        if not is_usable(document):
            raise ValueError(f"the text {document!r} can be neither a path nor an argument")
    elif isinstance(document, Mapping):
        for name, value in document.items():
            check_texts(name)
            check_texts(value)
    elif isinstance(document, (list, tuple)):
        for value in document:
            check_texts(value)
