"""Find the running stack for a command, and warn of a cluster that is passed over for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.session.acquire import Attached, Here


def warm(chosen: Here | None, *, directory: Path | None = None) -> Attached:
    """See :func:`pytest_plexdev.session.acquire.warm`."""
    from pytest_plexdev.session import acquire

    return warn_if_passed_over(acquire.warm(chosen, directory=directory))


def known(chosen: Here | None, *, directory: Path | None = None) -> Attached:
    """See :func:`pytest_plexdev.session.acquire.known`."""
    from pytest_plexdev.session import acquire

    return warn_if_passed_over(acquire.known(chosen, directory=directory))


def warn_if_passed_over(attached: Attached) -> Attached:
    """Write to standard error which cluster was passed over, if one was; return the stack."""
    if attached.passed_over:
        sys.stderr.write(f"plexdev: passed over: {attached.passed_over}\n")
    return attached
