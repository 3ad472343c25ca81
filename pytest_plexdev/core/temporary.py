"""Choose where temporary files go: in ``TMPDIR``, unless no server could have a socket below it.

A Unix socket's path has 107 bytes, and libpq and Postgres read a comma in it as the end of one of several. A line
break ends a line of Postgres's lock file.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final

_LONGEST: Final = 60
"""Bytes that leave room for the name of a socket in a directory of ours."""
_UNUSABLE: Final = re.compile(r"[\x00-\x1f\x7f,\ud800-\udfff]")
"""Control characters, commas, and what is no UTF-8."""
_INSTEAD: Final = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 # nosec B108 # where random names are made


def temporary_directory() -> Path:
    """The directory for a stack's temporary files.

    Raises:
        PlexdevError: ``temporary-unusable``.
        FileNotFoundError: None can be written at all.
    """
    found = find_temporary_directory()
    if found is not None:
        return found
    from pytest_plexdev.errors import TEMPORARY_UNUSABLE, PlexdevError

    chosen = Path(tempfile.gettempdir())
    raise PlexdevError(TEMPORARY_UNUSABLE, path=repr(str(chosen))[1:-1], reason=_why_unusable(chosen))


def find_temporary_directory() -> Path | None:
    """The same; ``None`` where the user's own is unusable, and none of the system's can be written.

    Raises:
        FileNotFoundError: None can be written at all.
    """
    candidates = (Path(tempfile.gettempdir()), *(other for other in _INSTEAD if os.access(other, os.W_OK | os.X_OK)))
    return next((each for each in candidates if _why_unusable(each) is None), None)


def _why_unusable(directory: Path) -> str | None:
    length = len(os.fsencode(directory))
    if length > _LONGEST:
        return f"it has {length} bytes, and the path of a socket below it 107 at most"
    found = _UNUSABLE.search(str(directory))
    return f"it has the character {found[0]!r}, at which libpq or Postgres would cut it" if found else None
