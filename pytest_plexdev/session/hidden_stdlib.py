"""Explain an error whose cause is a module of the project that hides one of the standard library, such as ``secrets``.

pytest puts the directory of a test module first on ``sys.path``, before the lazy imports of this plugin.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.system import STDLIB_HIDDEN

_STDLIB: Final = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
_PACKAGE: Final = "pytest_plexdev"


def explain(error: BaseException, traceback: TracebackType) -> PlexdevError | None:
    """Return the error that names the project's module, or ``None`` if *error* has another cause.

    Args:
        traceback: The traceback of *error*. Only imports by plexdev, or on its behalf, are explained.
    """
    name = _module_in_question(error)
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None)
    if (
        name not in sys.stdlib_module_names
        or path is None
        or path.startswith(_STDLIB)
        or not _comes_from_plexdev(traceback)
    ):
        return None
    return PlexdevError(STDLIB_HIDDEN, name=name, path=Path(path)).with_traceback(traceback)


def _module_in_question(error: BaseException) -> str:
    """The top-level module that lacks an attribute or a submodule; empty if it is another error."""
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return error.obj.__name__.partition(".")[0]
    if isinstance(error, ImportError):
        return (error.name or "").partition(".")[0]
    return ""


def _comes_from_plexdev(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        if str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE:
            return True
        traceback = traceback.tb_next
    return False
