"""The layers of docs/explanation/architecture.md, held against the code's own imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "pytest_plexdev"
HARNESS: Final = sorted(PACKAGE.rglob("*.py"))
PLANE: Final = sorted((ROOT / "plexsphere_reference").rglob("*.py"))
PAGE: Final = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
KIND_LAYERS: Final = ("cluster", "images", "manifests state", "bring_up", "warm", "plexd")
"""The packages of ``stack/kind``, lowest first."""


@dataclass(frozen=True)
class Row:
    """One package, or module, of the page's table."""

    layer: int
    libraries: frozenset[str]


def _rows_of(line: str) -> Iterator[tuple[str, Row]]:
    _, layer, names, _, libraries, _ = (cell.strip() for cell in line.split("|"))
    row = Row(int(layer), frozenset(part.strip() for part in libraries.split(",") if part.strip()))
    yield from ((name.strip(" `/").removesuffix(".py"), row) for name in names.split(","))


def rows() -> Mapping[str, Row]:
    """The table of the page, by the name of the package or module."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and line[2].isdigit()]
    return {name: row for line in lines for name, row in _rows_of(line)}


ROWS: Final = rows()


def test_every_package_has_a_layer() -> None:
    assert {_top(module) for module in HARNESS} == ROWS.keys()


@pytest.mark.parametrize("top", ROWS)
def test_imports_run_downwards_only(top: str) -> None:
    upwards = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in HARNESS
        if _top(module) == top
        for name in _imports(module)
        if (target := _top_of(name)) not in {None, top} and ROWS[str(target)].layer >= ROWS[top].layer
    ]

    assert upwards == []


@pytest.mark.parametrize("top", ROWS)
def test_a_package_uses_the_libraries_of_its_row_and_no_others(top: str) -> None:
    modules = [module for module in HARNESS if _top(module) == top]
    used = {name.partition(".")[0] for module in modules for name in _imports(module)}

    assert used - set(sys.stdlib_module_names) - {"pytest_plexdev"} == ROWS[top].libraries


def test_no_circle_of_modules_is_imported() -> None:
    graph = {_dotted(module): {_module_of(name) for name in _imports(module, top_level=True)} for module in HARNESS}

    TopologicalSorter({module: names - {module, None} for module, names in graph.items()}).prepare()  # or CycleError


def test_the_packages_of_the_kind_stack_import_downwards_only() -> None:
    layers = {name: rank for rank, names in enumerate(KIND_LAYERS) for name in names.split()}
    upwards = [
        f"{module.relative_to(ROOT)} imports {name}"
        for package, rank in layers.items()
        for module in (PACKAGE / "stack" / "kind" / package).glob("*.py")
        for name in _imports(module)
        if name.startswith("pytest_plexdev.stack.kind.")
        and (target := name.split(".")[3]) != package
        and layers.get(target, -1) >= rank
    ]

    assert upwards == []


@pytest.mark.parametrize(("provider", "other"), [("kind", "embedded"), ("embedded", "kind")])
def test_a_provider_does_not_know_another(provider: str, other: str) -> None:
    modules = list((PACKAGE / "stack" / provider).rglob("*.py"))

    assert modules
    assert _breaches(modules, f"pytest_plexdev.stack.{other}") == []


def test_the_plugin_imports_pytest_and_the_standard_library_only() -> None:
    roots = {name.partition(".")[0] for name in _imports(PACKAGE / "plugin.py", top_level=True)}

    assert roots - {"pytest", "pytest_plexdev"} <= set(sys.stdlib_module_names)


def test_harness_and_plane_never_import_each_other() -> None:
    assert _breaches(HARNESS, "plexsphere_reference") == []
    assert _breaches(PLANE, "pytest_plexdev") == []


def test_the_rules_know_neither_http_nor_sql() -> None:
    modules = [path for path in PLANE if path.parent.name == "rules"]
    http_and_sql = ("starlette", "httpx", "psycopg", "grpc", "nats")

    assert modules
    assert _breaches(modules, *http_and_sql, "plexsphere_reference.http", "plexsphere_reference.store") == []


def test_the_store_knows_no_http() -> None:
    modules = [path for path in PLANE if path.parent.name == "store"]

    assert modules
    assert _breaches(modules, "starlette", "plexsphere_reference.http") == []


def _top(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _top_of(name: str) -> str | None:
    """The package or module of ours in which the imported *name* is; ``None``: it is not ours."""
    if name.partition(".")[0] != "pytest_plexdev":
        return None
    first = [*name.split("."), "__init__"][1]
    return first if first in ROWS else "__init__"


def _dotted(module: Path) -> str:
    return ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _module_of(name: str) -> str | None:
    """The module of ours that an imported name is, or is in."""
    while name.startswith("pytest_plexdev"):
        path = ROOT.joinpath(*name.split("."))
        if path.with_suffix(".py").is_file():
            return name
        if path.is_dir():
            return name
        name = name.rpartition(".")[0]
    return None


def _breaches(modules: Sequence[Path], *forbidden: str) -> list[str]:
    return [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules
        for name in _imports(module)
        if _is_within(name, forbidden)
    ]


def _is_within(name: str, packages: Iterable[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in packages)


def _imports(module: Path, *, top_level: bool = False) -> Iterator[str]:
    """The names that a module imports, in whole; at its top level those that are imported with it."""
    tree = ast.parse(module.read_text())
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
