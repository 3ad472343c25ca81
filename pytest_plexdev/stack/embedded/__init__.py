"""The embedded stack: the dev stack's servers as plain processes of this machine, without Docker.

:class:`EmbeddedProvider` brings one up and down; a supervisor process owns the servers (``supervisor``).
The names are imported when they are used: the supervisor imports this package too, and must start fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.provider import EmbeddedProvider
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings, Programs
    from pytest_plexdev.stack.embedded.warm import find_warm

_HOMES: Final = {
    "EmbeddedProvider": "provider",
    "EmbeddedSettings": "settings",
    "Programs": "settings",
    "find_warm": "warm",
}

__all__ = ["EmbeddedProvider", "EmbeddedSettings", "Programs", "find_warm"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
