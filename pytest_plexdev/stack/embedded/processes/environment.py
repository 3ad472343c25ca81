"""The environment of the stack's programs: an allow-list, and nothing else of the user's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pytest_plexdev.core.interpreter import python_variables
from pytest_plexdev.core.paths import state_directory
from pytest_plexdev.errors import PlexdevError

_INHERITED: Final = (
    "PATH",
    # Python's user site, and where temporary files go.
    "HOME",
    "TMPDIR",
    # The times in logs.
    "TZ",
    # How programs of a wheel, and many a Python, find their libraries.
    "LD_LIBRARY_PATH",
    "NIX_LD",
    "NIX_LD_LIBRARY_PATH",
)
_LOCALE: Final = ("LC_ALL", "LC_CTYPE", "LANG")
"""In the order in which they decide about a category."""


def supervisor_environment() -> dict[str, str]:
    """What the supervisor starts with: it also knows which stack is the user's warm one, for its errors name that."""
    environment = program_environment()
    with contextlib.suppress(PlexdevError):  # a user without a home has none
        environment["PLEXDEV_STATE_DIR"] = str(state_directory())
    return environment


def program_environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every program of the stack starts with.

    No proxy, no certificate file, no variable of libpq, of a framework or of Python that changes what a program does.
    Of the locale the encoding is kept, in which names of files are written, and not the language of messages.
    """
    kept = {name: inherited[name] for name in _INHERITED if name in inherited}
    if path := inherited.get("PATH"):
        # The programs run in a directory of ours.
        kept["PATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in path.split(os.pathsep) if entry)
    encoding = next((value for name in _LOCALE if (value := inherited.get(name))), None)
    if encoding is not None:
        kept["LC_CTYPE"] = encoding
    return {**kept, **python_variables(inherited)}
