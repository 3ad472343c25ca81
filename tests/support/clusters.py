"""The state directory and the node image of the tests' clusters."""

from __future__ import annotations

import os

from pytest_plexdev.core.paths import cache_directory, state_directory

NODE_IMAGE = os.environ.get("PLEXDEV_KIND_IMAGE")
STATE = state_directory()
CACHE = cache_directory()
