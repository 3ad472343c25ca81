"""Render the page of fixtures and hooks from their definitions, which are read and not imported."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Final

import pytest_plexdev
from docs.generate.markdown import prose, table
from pytest_plexdev import factory_fixtures, fixtures, hookspecs, service_fixtures

_HEAD: Final = """\
# Fixtures and hooks

Nothing starts before a test requests a fixture, and a project needs nothing in its `conftest.py`. Under
[pytest-xdist](../how-to/xdist.md) the workers share one stack: the first test that needs it starts it, and the
controller stops it after the last worker has ended. What the fixtures hand out is described in
[Client and types](client.md).

This page is generated from `pytest_plexdev/fixtures.py`, `pytest_plexdev/factory_fixtures.py`,
`pytest_plexdev/service_fixtures.py` and `pytest_plexdev/hookspecs.py` (`make docs`).
"""
_HOOKS: Final = """\
## Hooks

A project implements these in a `conftest.py`. They decide what a stack is made of, and add to the evidence of a failing
test. They are hooks and not fixtures because one stack serves the whole run: there must be one answer.
"""


def page() -> str:
    """The whole page."""
    modules = (fixtures, factory_fixtures, service_fixtures)
    found = [each for module in modules for each in _public(module, prefix="plexdev_")]
    rows = [(f"[`{each.name}`](#{each.name})", _scope(each), _handed_out(each)) for each in found]
    parts = [_HEAD, table(("fixture", "scope", "hands out"), rows)]
    parts += [f"## Each fixture\n\n{_fixture_sections(found)}", _HOOKS]
    parts += [
        f"### {hook.name}\n\n`{_signature(hook)}`\n\n{_text(hook)}" for hook in _public(hookspecs, prefix="pytest_")
    ]
    return "\n".join(parts)


def _fixture_sections(found: list[ast.FunctionDef]) -> str:
    return "\n".join(
        f"### {each.name}\n\nScope: {_scope(each)}. Hands out: {_handed_out(each)}.\n\n{_text(each)}" for each in found
    )


def _public(module: ModuleType, *, prefix: str) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith(prefix):
            yield node


def _text(function: ast.FunctionDef) -> str:
    # Without the type that `pytest --fixtures` shows: the page has it as a link.
    return prose(re.sub(r" \(``\w+``\)\.", ".", ast.get_docstring(function) or "", count=1))


def _scope(fixture: ast.FunctionDef) -> str:
    for decorator in fixture.decorator_list:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if keyword.arg == "scope" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return "function"


def _handed_out(fixture: ast.FunctionDef) -> str:
    """The type that the fixture returns or yields, as a link where it is one of ours."""
    name = ast.unparse(fixture.returns) if fixture.returns is not None else "None"
    name = name.removeprefix("Iterator[").removesuffix("]") if name.startswith("Iterator[") else name
    is_ours = name in pytest_plexdev.__all__
    return f"[`{name}`](client.md#pytest_plexdev.{name})" if is_ours else f"`{name}`"


def _signature(hook: ast.FunctionDef) -> str:
    arguments = ", ".join(argument.arg for argument in hook.args.args)
    returned = ast.unparse(hook.returns) if hook.returns is not None else "None"
    return f"{hook.name}({arguments}) -> {returned}"
