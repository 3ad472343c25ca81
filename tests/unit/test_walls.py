"""The walls of docs/architecture.md, held against the code's own imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
HARNESS = sorted((ROOT / "pytest_plexdev").rglob("*.py"))
PLANE = sorted((ROOT / "plexsphere_reference").rglob("*.py"))


def test_the_harness_never_imports_the_plane() -> None:
    assert _breaches(HARNESS, "plexsphere_reference") == []


def test_the_plane_never_imports_the_harness() -> None:
    assert _breaches(PLANE, "pytest_plexdev") == []


def test_the_plugin_imports_pytest_and_the_standard_library_only() -> None:
    roots = {name.partition(".")[0] for name in _imports(ROOT / "pytest_plexdev" / "plugin.py", top_level=True)}

    assert roots - {"pytest", "pytest_plexdev"} <= set(sys.stdlib_module_names)


def test_the_domain_knows_neither_http_nor_sql() -> None:
    room = [path for path in PLANE if path.parent.name == "domain"]

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
    room = [path for path in HARNESS if path.parent.name == "kind"]

    assert room
    assert _breaches(room, "pytest_plexdev.doctor", "pytest_plexdev.explained") == []


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
