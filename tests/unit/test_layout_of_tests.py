"""The layout of tests/: the length of modules, their imports, test names, and the place of fixtures and helpers."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in (ROOT / "tests").rglob("*.py")}
LINES: Final = 300
CHARACTERS: Final = 60

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {module: len((ROOT / module).read_text().splitlines()) for module in MODULES}

    assert len(lengths) > 200
    assert {module: lines for module, lines in lengths.items() if lines > LINES} == {}


def test_helpers_are_in_the_support_folder() -> None:
    folders = {Path(module).parts[1] for module in MODULES}
    helpers = [Path(module) for module in MODULES if not _is_collected(Path(module).stem)]

    assert folders >= {"unit", "integration", "plugin", "e2e", "support"}
    assert [str(each) for each in helpers if each.parts[1] != "support" and each.name != "__init__.py"] == []


def test_nothing_is_imported_from_a_conftest_or_a_test_module() -> None:
    imports = [(module, name) for module in MODULES for name in _imports(module)]

    assert len(imports) > 500
    assert [each for each in imports if any(_is_collected(part) for part in each[1].split("."))] == []


def test_no_private_name_of_another_module_is_used() -> None:
    names = [(module, name) for module in MODULES for name in (*_imports(module), *_attributes_of_imports(module))]

    assert [each for each in names if any(part.startswith("_") for part in each[1].split("."))] == []


def test_the_name_of_a_test_has_at_most_60_characters() -> None:
    long = [(module, each.name) for module in MODULES for each in _tests(module) if len(each.name) > CHARACTERS]

    assert long == []


def test_the_name_of_a_test_is_unique_in_its_module() -> None:
    names = {module: Counter(each.name for each in _tests(module)) for module in MODULES}

    assert sum(counter.total() for counter in names.values()) > 1000
    assert [(module, name) for module, counter in names.items() for name, times in counter.items() if times > 1] == []


def test_fixtures_are_in_a_conftest_or_in_their_only_module() -> None:
    fixtures = [(module, each.name) for module in MODULES for each in _functions(module) if _is_fixture(each)]

    assert len(fixtures) > 100
    assert [each for each in fixtures if not _is_collected(Path(each[0]).stem)] == []


def _is_collected(stem: str) -> bool:
    """Whether pytest collects a module of this name; nothing else imports one."""
    return stem == "conftest" or stem.startswith("test_")


def _functions(module: str) -> Iterator[Function]:
    yield from (node for node in ast.walk(MODULES[module]) if isinstance(node, Function))


def _tests(module: str) -> Iterator[Function]:
    yield from (each for each in _functions(module) if each.name.startswith("test_"))


def _is_fixture(function: Function) -> bool:
    return any(ast.unparse(each).partition("(")[0].endswith("fixture") for each in function.decorator_list)


def _imports(module: str) -> Iterator[str]:
    """The names in tests/ that a module imports, each in whole."""
    return (name for name in _local_names(module).values() if name.startswith("tests."))


def _attributes_of_imports(module: str) -> Iterator[str]:
    """``tests.support.engine.serving`` where a module has imported ``tests.support.engine`` and uses that of it."""
    known = _local_names(module)
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            origin = known.get(node.value.id, "")
            if (ROOT / origin.replace(".", "/")).with_suffix(".py").is_file() and origin.startswith("tests."):
                yield f"{origin}.{node.attr}"


def _local_names(module: str) -> dict[str, str]:
    """What a module imports, by the name that it has there."""
    found: dict[str, str] = {}
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found
