"""The golden flow: nine steps, each a test. Run them with ``pytest --pyargs pytest_plexdev.golden``."""

from __future__ import annotations
