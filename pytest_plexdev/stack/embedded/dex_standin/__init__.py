"""The identity provider of an embedded stack: the real Dex if it is installed, else a stand-in for Dex 2.41.

The stand-in is a program: ``python -m pytest_plexdev.stack.embedded.dex_standin --listen fd:3 --config FILE``. Both
are configured by one :class:`IdpConfig` and tested by one conformance suite (``tests/integration/dex``).
"""

from __future__ import annotations

from pytest_plexdev.stack.embedded.dex_standin.config import IdpClient, IdpConfig, IdpUser
from pytest_plexdev.stack.embedded.dex_standin.real_dex import is_dex, write_dex_config

__all__ = ["IdpClient", "IdpConfig", "IdpUser", "is_dex", "write_dex_config"]
