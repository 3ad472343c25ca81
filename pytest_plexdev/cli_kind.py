"""The kind side of ``plexdev up`` and ``down``, and ``plexdev manifests``."""

from __future__ import annotations

import argparse
from typing import Any


def add_manifests_command(commands: Any) -> None:
    """Add ``plexdev manifests`` to what ``ArgumentParser.add_subparsers`` returned."""
    raise NotImplementedError


def up(options: argparse.Namespace) -> int:
    """``plexdev up --stack kind``: options ``timeout``, ``reapply``, ``json``, ``service`` (``plexd`` or ``None``).

    Of the options it reads the environment's PLEXDEV_OVERLAY, PLEXDEV_IMAGES, PLEXDEV_KIND_IMAGE as pytest does.
    """
    raise NotImplementedError


def down(options: argparse.Namespace) -> int:
    """``plexdev down`` of the warm cluster: option ``force`` (or ``DEV_FORCE_DOWN=1``)."""
    raise NotImplementedError


def there_is_a_cluster() -> bool:
    """Whether ``plexdev down`` has anything of kind to end: files alone."""
    raise NotImplementedError
