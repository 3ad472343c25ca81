"""The pages of the reference that are generated from the code, by their path below ``docs/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.generate import doctor, errors

ROOT: Final = Path(__file__).parents[1]
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "reference/errors.md": errors.page,
    "reference/doctor.md": doctor.page,
}
