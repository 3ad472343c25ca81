"""A module is short enough to be read from top to bottom."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("pytest_plexdev", "plexsphere_reference")
LINES = 250


def test_no_module_of_the_packages_is_longer() -> None:
    modules = [
        path for package in ("pytest_plexdev", "plexsphere_reference") for path in (ROOT / package).rglob("*.py")
    ]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules}

    assert {name: lines for name, lines in lengths.items() if lines > LINES and "_pb2" not in name} == {}
