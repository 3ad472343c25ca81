"""The running stack that a command speaks of; a cluster that is passed over for it is mentioned."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.choose import Attached, Here


def warm(chosen: Here | None, *, directory: Path | None = None) -> Attached:
    """See :func:`pytest_plexdev.choose.warm`."""
    from pytest_plexdev import choose

    return mention(choose.warm(chosen, directory=directory))


def known(chosen: Here | None, *, directory: Path | None = None) -> Attached:
    """See :func:`pytest_plexdev.choose.known`."""
    from pytest_plexdev import choose

    return mention(choose.known(chosen, directory=directory))


def mention(attached: Attached) -> Attached:
    """Say on standard error which cluster was passed over, where one was."""
    if attached.passed_over:
        sys.stderr.write(f"plexdev: passed over: {attached.passed_over}\n")
    return attached
