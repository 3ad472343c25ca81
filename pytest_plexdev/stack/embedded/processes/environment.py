"""Build the environment of the stack's programs. Only an allow-list of the user's variables is inherited."""

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
    # Python's user site, and the directory of temporary files.
    "HOME",
    "TMPDIR",
    # The time zone of logs.
    "TZ",
    # Where programs from wheels, and some Python builds, find their libraries.
    "LD_LIBRARY_PATH",
    "NIX_LD",
    "NIX_LD_LIBRARY_PATH",
)
_LOCALE: Final = ("LC_ALL", "LC_CTYPE", "LANG")
"""In order of precedence for one category."""


def supervisor_environment() -> dict[str, str]:
    """Return the supervisor's environment. It has the state directory too, because its errors name the warm stack."""
    environment = program_environment()
    with contextlib.suppress(PlexdevError):  # a user without a home directory has none
        environment["PLEXDEV_STATE_DIR"] = str(state_directory())
    return environment


def program_environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of each program of the stack.

    It has no proxies, no certificate files and no variables of libpq, frameworks or Python that change how a program
    behaves. It keeps the locale's encoding, which file names use, but not the language of messages.
    """
    kept = {name: inherited[name] for name in _INHERITED if name in inherited}
    if path := inherited.get("PATH"):
        # Absolute, because the programs run in another working directory.
        kept["PATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in path.split(os.pathsep) if entry)
    encoding = next((value for name in _LOCALE if (value := inherited.get(name))), None)
    if encoding is not None:
        kept["LC_CTYPE"] = encoding
    return {**kept, **python_variables(inherited)}
