"""The walls of docs/architecture.md, held against the code's own imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HARNESS = sorted((ROOT / "pytest_plexdev").rglob("*.py"))
PAGE = (ROOT / "docs" / "architecture.md").read_text()
KIND = ("stack/kind", "stack/kind/cluster", "stack/kind/images", "stack/kind/manifests", "stack/kind/state")
ROOMS = ("kube", "readiness", "readiness/rules", "doctor", "stack", *KIND, "stack/embedded")
PLANE = sorted((ROOT / "plexsphere_reference").rglob("*.py"))


def test_the_harness_never_imports_the_plane() -> None:
    assert _breaches(HARNESS, "plexsphere_reference") == []


def test_the_plane_never_imports_the_harness() -> None:
    assert _breaches(PLANE, "pytest_plexdev") == []


def test_the_plugin_imports_pytest_and_the_standard_library_only() -> None:
    roots = {name.partition(".")[0] for name in _imports(ROOT / "pytest_plexdev" / "plugin.py", top_level=True)}

    assert roots - {"pytest", "pytest_plexdev"} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_its_row_says_and_the_row_says_no_more(room: str) -> None:
    allowed = _row(room)
    inside = f"pytest_plexdev.{room.replace('/', '.')}"
    found = {
        (str(module.relative_to(ROOT)), name)
        for module in _modules(room)
        for name in _imports(module)
        if name.partition(".")[0] not in sys.stdlib_module_names and not _within(name, {inside})
    }

    assert found
    assert sorted(each for each in found if not _within(each[1], allowed)) == []
    assert sorted(each for each in allowed if not any(_within(name, {each}) for _, name in found)) == []


def test_the_rules_know_neither_http_nor_sql() -> None:
    room = [path for path in PLANE if path.parent.name == "rules"]

    forbidden = (
        "starlette",
        "httpx",
        "psycopg",
        "grpc",
        "nats",
        "plexsphere_reference.http",
        "plexsphere_reference.store",
    )
    assert room
    assert _breaches(room, *forbidden) == []


def test_the_store_knows_no_http() -> None:
    room = [path for path in PLANE if path.parent.name == "store"]

    assert room
    assert _breaches(room, "starlette", "plexsphere_reference.http") == []


def test_the_kind_stack_does_not_know_who_explains_its_failures() -> None:
    room = [path for path in HARNESS if path.is_relative_to(ROOT / "pytest_plexdev" / "stack" / "kind")]

    assert room
    assert _breaches(room, "pytest_plexdev.doctor", "pytest_plexdev.explained") == []


def _row(room: str) -> set[str]:
    """What the page lets a room import: modules of ours by their path, packages by their name."""
    (cells,) = (line.split("|") for line in PAGE.splitlines() if line.startswith(f"| `pytest_plexdev/{room}/` |"))
    return {
        "pytest_plexdev." + each.replace("/", ".") if _is_ours(each) else each
        for each in (part.strip() for part in cells[3].split(","))
    }


def _is_ours(name: str) -> bool:
    path = ROOT / "pytest_plexdev" / name
    return path.is_dir() or path.with_suffix(".py").is_file()


def _modules(room: str) -> list[Path]:
    """Those of a room, without those of another row's room inside it."""
    inner = [ROOT / "pytest_plexdev" / each for each in ROOMS if each.startswith(f"{room}/")]
    found = [path for path in HARNESS if path.is_relative_to(ROOT / "pytest_plexdev" / room)]
    return [path for path in found if not any(path.is_relative_to(each) for each in inner)]


def _within(name: str, packages: Iterable[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in packages)


def _breaches(modules: Sequence[Path], *forbidden: str) -> list[str]:
    return [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules
        for name in _imports(module)
        if any(name == each or name.startswith(f"{each}.") for each in forbidden)
    ]


def _imports(module: Path, *, top_level: bool = False) -> Iterator[str]:
    tree = ast.parse(module.read_text())
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
