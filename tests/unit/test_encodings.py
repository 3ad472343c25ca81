"""Text has a named encoding wherever a file or a pipe is read or written as text: the locale is the user's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("pytest_plexdev", "plexsphere_reference", "docs", "benchmarks")


def test_every_text_has_a_named_encoding() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]

    assert modules
    assert [f"{path.relative_to(ROOT)}:{line}" for path in modules for line in _unnamed(path.read_text("utf-8"))] == []


def test_what_is_found() -> None:
    found = "a.read_text()\na.write_text(b)\nopen(a)\na.open('w')\nos.fdopen(a, 'r')\nrun(a, text=True)\n"
    fine = "a.read_text('utf-8')\na.write_text(b, encoding='utf-8')\nopen(a, 'rb')\nos.open(a, b)\nthing.open()\n"

    assert list(_unnamed(found)) == [1, 2, 3, 4, 5, 6]
    assert list(_unnamed(fine)) == []


def _unnamed(text: str) -> Iterator[int]:
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return (call.lineno for call in calls if _is_text(call) and not _names_encoding(call))


def _is_text(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    keywords = {keyword.arg for keyword in call.keywords}
    modes = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if any(isinstance(mode, str) and "b" in mode for mode in modes):
        return False
    # A method `open` without a mode need not be a file's.
    is_method = isinstance(call.func, ast.Attribute)
    is_open = name == "fdopen" or (name == "open" and (not is_method or any(isinstance(mode, str) for mode in modes)))
    is_program = bool(keywords & {"text", "universal_newlines"}) and name in ("run", "Popen", "check_output")
    return name in ("read_text", "write_text") or is_open or is_program


def _names_encoding(call: ast.Call) -> bool:
    positions = {"read_text": 0, "write_text": 1}
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    is_given = name in positions and len(call.args) > positions[name]
    return is_given or any(keyword.arg == "encoding" for keyword in call.keywords)
