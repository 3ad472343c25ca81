"""The environment of the stack's programs: ours, without what would change what they do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NOT_OURS: Final = ("PLEXSPHERE_", "PG", "SPICEDB_", "DEX_", "NATS_")
"""Prefixes of variables that the programs read; a developer's own must not leak into a stack."""
_ROOT: Final = Path(__file__).parents[3]


def program_environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every program of the stack starts with."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(_NOT_OURS)}
    return {**kept, "PYTHONUNBUFFERED": "1", **_python_path(inherited)}


def _python_path(inherited: Mapping[str, str]) -> dict[str, str]:
    # In a checkout that is not installed, a program started with -m finds the packages only by this.
    if _ROOT.name in ("site-packages", "dist-packages"):
        return {}
    rest = inherited.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(_ROOT), rest] if rest else [str(_ROOT)])}
