"""The pages of the reference that are generated from the code, by their path below ``docs/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.generate import cli, doctor, errors, events, fixtures, options, seed

ROOT: Final = Path(__file__).parents[1]
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "reference/fixtures.md": fixtures.page,
    "reference/options.md": options.page,
    "reference/cli.md": cli.page,
    "reference/seed.md": seed.page,
    "reference/errors.md": errors.page,
    "reference/doctor.md": doctor.page,
    "reference/events.md": events.page,
}
