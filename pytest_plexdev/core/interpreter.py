"""Build the command line and environment to run a module of this package, without the project's modules.

``python -m`` would put the working directory first, so that a project's ``queue.py`` stands in for the standard
library's; ``PYTHONPATH`` would do the same. Variables of Python that a user sets for other programs
(``PYTHONINSPECT``, ``PYTHONWARNINGS``) are not passed on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_START: Final = Path(__file__).with_name("start_module.py")
_ROOT: Final = Path(__file__).parents[2]
_SITES: Final = ("site-packages", "dist-packages")
_INHERITED: Final = (
    # The location of Python's library and of the user's packages.
    "PYTHONHOME",
    "PYTHONUSERBASE",
    # Whether and where bytecode is written.
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
)


def module_command(module: str) -> tuple[str, ...]:
    """Return the command line that runs *module* as ``__main__``; append its arguments."""
    flags = ("-P", "-s") if sys.flags.no_user_site else ("-P",)
    return (sys.executable, *flags, str(_START), *_directories(os.environ), "--", module)


def split_module_command(argv: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the module and the arguments of a command of :func:`module_command` that imports what this process does.

    ``None``: it is another program, or finds its modules elsewhere.
    """
    if "--" not in argv or argv[0] != sys.executable or str(_START) not in argv:
        return None
    end = argv.index("--")
    directories = argv[argv.index(str(_START)) + 1 : end]
    return (argv[end + 1], [*argv[end + 2 :]]) if set(directories) <= set(sys.path) else None


def python_variables(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the ``PYTHON*`` variables of plexdev's programs, in place of the *inherited* ones."""
    kept = {name: inherited[name] for name in _INHERITED if name in inherited}
    # The programs exchange file names, so they must use the same encoding.
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": str(int(sys.flags.utf8_mode))}


def environment_of_user(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the user's environment without its ``PYTHON*`` variables, for a program that starts docker and kind."""
    others = {name: value for name, value in inherited.items() if not name.startswith("PYTHON")}
    return {**others, **python_variables(inherited)}


def _directories(inherited: Mapping[str, str]) -> list[str]:
    """The import directories that a new Python does not find by itself."""
    ours = [] if _ROOT.name in _SITES else [str(_ROOT)]
    chosen = filter(None, inherited.get("PYTHONPATH", "").split(os.pathsep))
    # A relative entry counts from the directory in which Python was started; a test may have changed it since.
    starts = [start for start in (inherited.get("PWD"), _working_directory()) if start]
    found = [[os.path.abspath(os.path.join(start, entry)) for start in starts] for entry in chosen]  # noqa: PTH100, PTH118 (no pathlib)
    return [*ours, *(place for places in found for place in dict.fromkeys(places) if place in sys.path)]


def _working_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 (pathlib is an import more)
    except FileNotFoundError:
        return None
