from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_plexdev.doctor.modes import MODES

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.fix], ids=lambda mode: mode.tag)
def test_every_fix_is_a_module(mode: object) -> None:
    assert find_spec(f"pytest_plexdev.doctor.fixes.{getattr(mode, 'fix')}")  # noqa: B009


def test_what_deletes_is_never_run() -> None:
    fixes = (ROOT / "pytest_plexdev" / "doctor" / "fixes").glob("*.py")

    assert [path.name for path in fixes if "prune" in path.read_text()] == []
    assert next(mode for mode in MODES if "prune" in mode.remedy).fix is None


@pytest.mark.parametrize("path", sorted((ROOT / "pytest_plexdev/doctor/checks").glob("*.py")), ids=lambda p: p.stem)
def test_recognition_knows_symptoms_and_nothing_that_asks(path: Path) -> None:
    modules = {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
    pure = (
        "__future__",
        "collections.abc",
        "datetime",
        "typing",
        "pytest_plexdev.core.profiles",
        "pytest_plexdev.doctor.",
        "pytest_plexdev.kube.resources",
        "pytest_plexdev.stack.kind.constants",
    )

    assert [name for name in modules if not str(name).startswith(pure) or ".probes" in str(name)] == []


def test_every_printed_text_fits_a_line() -> None:
    assert [mode.tag for mode in MODES if max(len(mode.explanation), len(mode.title)) > 110] == []
