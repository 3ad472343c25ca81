"""Find the running stack for a command, and warn if another stack is used because a cluster was unusable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.stack.discovery import Attached


def find_usable(chosen: str | None, *, directory: Path | None = None) -> Attached:
    """See :func:`pytest_plexdev.stack.discovery.find_usable`."""
    from pytest_plexdev.stack import discovery

    return warn_if_passed_over(discovery.find_usable(chosen, directory=directory))


def find_any(chosen: str | None, *, directory: Path | None = None) -> Attached:
    """See :func:`pytest_plexdev.stack.discovery.find_any`."""
    from pytest_plexdev.stack import discovery

    return warn_if_passed_over(discovery.find_any(chosen, directory=directory))


def warn_if_passed_over(attached: Attached) -> Attached:
    """Write to standard error which cluster was passed over, if one was. Returns *attached*."""
    if attached.passed_over:
        sys.stderr.write(f"plexdev: passed over: {attached.passed_over}\n")
    return attached
