"""docs/reference/fixtures.md lists the fixtures and the options that there are."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_plexdev import fixtures
from pytest_plexdev.options import OPTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "fixtures.md").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_option_has_a_row() -> None:
    rows = re.findall(r"^\| `(--[\w-]+)[^`]*` \| `([A-Z_]+)[^`]*` \| `(\w+)` \|", section("Options"), re.MULTILINE)

    assert rows == [(option.flag, option.environment, option.ini) for option in OPTIONS]


def test_every_fixture_has_a_row() -> None:
    cells = re.findall(r"^\| (`plexdev_.*?) \|", section("Fixtures"), re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}

    assert named == {name for name in vars(fixtures) if name.startswith("plexdev_")}
