"""The embedded stack: the dev stack's servers as plain processes on this machine, without Docker.

:class:`EmbeddedProvider` starts and stops one; a supervisor process owns the servers (``supervisor``).
Names are imported on first use, because the supervisor imports this package and must start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.core.lazy import lazy_exports

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.provider import EmbeddedProvider
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings, Programs
    from pytest_plexdev.stack.embedded.warm import find_warm


__all__ = ["EmbeddedProvider", "EmbeddedSettings", "Programs", "find_warm"]

__getattr__ = lazy_exports(
    __name__,
    {
        "EmbeddedProvider": "provider",
        "EmbeddedSettings": "settings",
        "Programs": "settings",
        "find_warm": "warm",
    },
)
