"""Run the command ``plexdev``: ``python -m pytest_plexdev.cli``."""

from __future__ import annotations

import sys

from pytest_plexdev.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
