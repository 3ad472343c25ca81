"""The doctor: find known failure modes, explain them, and name the command that helps.

What is looked at is data (``symptoms.py``), gathered by ``examine.py``; whether a mode is there is a pure function of
it (``recognise/``); ``table.py`` has them all. Nothing here changes anything but ``fixes/``, and those only in a
cluster that we made.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_plexdev.doctor.gather import examine
    from pytest_plexdev.doctor.model import Finding

__all__ = ["Finding", "examine"]

_MODULES: Final = {"Finding": "model", "examine": "gather"}


def __getattr__(name: str) -> Any:
    # Who brings a stack up has the function that explains a failure at hand, and imports the probes if one happens.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
