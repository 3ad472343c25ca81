"""Choose the directory for temporary files: ``TMPDIR``, unless servers cannot create sockets below it.

The path of a Unix socket has at most 107 bytes. libpq and Postgres read a comma in it as a separator, and a line break
ends a line of Postgres's lock file.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final

_LONGEST: Final = 60
"""Bytes of a directory that leave space for the name of a socket."""
_UNUSABLE: Final = re.compile(r"[\x00-\x1f\x7f,\ud800-\udfff]")
"""Control characters, commas and lone surrogates."""
_INSTEAD: Final = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 # nosec B108 # random names are created there


def temporary_directory() -> Path:
    """Return the directory for a stack's temporary files.

    Raises:
        PlexdevError: ``temporary-unusable``.
        FileNotFoundError: No temporary directory is writable.
    """
    found = find_temporary_directory()
    if found is not None:
        return found
    from pytest_plexdev.errors import TEMPORARY_UNUSABLE, PlexdevError

    chosen = Path(tempfile.gettempdir())
    raise PlexdevError(TEMPORARY_UNUSABLE, path=repr(str(chosen))[1:-1], reason=_why_unusable(chosen))


def find_temporary_directory() -> Path | None:
    """Like :func:`temporary_directory`, but return ``None`` if no directory is usable.

    Raises:
        FileNotFoundError: No temporary directory is writable.
    """
    candidates = (Path(tempfile.gettempdir()), *(other for other in _INSTEAD if os.access(other, os.W_OK | os.X_OK)))
    return next((each for each in candidates if _why_unusable(each) is None), None)


def _why_unusable(directory: Path) -> str | None:
    length = len(os.fsencode(directory))
    if length > _LONGEST:
        return f"it has {length} bytes, but the path of a socket below it may have at most 107"
    found = _UNUSABLE.search(str(directory))
    return f"it has the character {found[0]!r}, at which libpq or Postgres would cut it" if found else None
