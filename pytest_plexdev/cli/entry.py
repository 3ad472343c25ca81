"""The console script ``plexdev``: handle termination signals while the command's modules are imported.

It imports very little, so that signals are handled almost from the start of the interpreter.
"""

from __future__ import annotations

import sys

from pytest_plexdev.core.signals import Terminated, raising_terminated


def main() -> int:
    """Run the command in ``sys.argv`` and return its exit code."""
    try:
        with raising_terminated():
            from pytest_plexdev.cli.main import main as run

            return run()
    except Terminated as error:
        sys.stderr.write(f"plexdev: ended by {error.signal.name}; the command had not started\n")
        return error.exit_code
