"""The option ``--profile`` of commands that bring up or print a kind stack."""

from __future__ import annotations

import argparse

from pytest_plexdev.core.profiles import PROFILES


def add_profile(parser: argparse.ArgumentParser) -> None:
    """Add ``--profile``."""
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        help="the services that the golden flow needs, or all of the dev stack; default: PLEXDEV_PROFILE, "
        "else the running stack's, else full; embedded: lean",
    )
