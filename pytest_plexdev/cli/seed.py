"""``--seed FILE`` of ``plexdev up`` and ``manifests``: the counterpart of the hook ``pytest_plexdev_seed``."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Add ``--seed``."""
    parser.add_argument(
        "--seed",
        type=Path,
        metavar="FILE",
        help="seed manifest (YAML) in place of the built-in one; ${ISSUER} in it becomes the stack's issuer",
    )


def checked_seed(path: Path | None, *, for_reference_plane: bool) -> Path | None:
    """Check a seed manifest and return its absolute path, because the stack's programs read it too.

    Args:
        for_reference_plane: Whether the bootstrap of the reference plane is known to read it.

    Raises:
        PlexdevError: ``seed-unusable``.
    """
    if path is None:
        return None
    from pytest_plexdev.core.seed_manifest import check_seed

    check_seed(path, source="--seed", for_reference_plane=for_reference_plane)
    return path.absolute()
