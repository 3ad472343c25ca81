"""A docstring refers to names that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = re.compile(r":(?:func|class|meth|mod|attr|data):`~?([\w.]+)`")


def test_every_reference_leads_to_a_name() -> None:
    names = {module_of(path): set(names_in(path)) for path in modules()}
    broken = [
        f"{path.relative_to(ROOT)}: {reference}"
        for path in modules()
        for reference in REFERENCE.findall(path.read_text(encoding="utf-8"))
        if not exists(reference, module_of(path), names)
    ]

    assert broken == []


def exists(reference: str, module: str, names: dict[str, set[str]]) -> bool:
    if not reference.startswith("pytest_plexdev."):
        # A name that the module defines or imports, and a member of it.
        first, *members = reference.split(".")
        return first in names[module] and names["pytest_plexdev"].union(*names.values()).issuperset(members)
    home = max((each for each in names if f"{reference}.".startswith(f"{each}.")), key=len)
    rest = reference.removeprefix(home).strip(".")
    return all(part in names[home] for part in rest.split(".") if part)


def modules() -> list[Path]:
    return sorted((ROOT / "pytest_plexdev").rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def names_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=renamed):
                yield renamed or name.partition(".")[0]
