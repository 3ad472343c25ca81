"""A test can import and annotate everything that a public object hands out."""

from __future__ import annotations

import ast
import inspect
import pydoc
import re
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

import pytest_plexdev

CLASSES = [each for name in pytest_plexdev.__all__ if isinstance(each := getattr(pytest_plexdev, name), type)]
# Of the catalogue of errors only the exception is public.
OF_CLASSES = [each for each in CLASSES if each is not pytest_plexdev.PlexdevError]


@pytest.mark.parametrize("public", OF_CLASSES, ids=lambda each: str(each.__name__))
def test_what_a_public_object_returns_is_public(public: type) -> None:
    private = {
        each.__qualname__
        for each in types_of_members(public)
        if each not in CLASSES and not each.__module__.startswith("pytest_plexdev.api.")
    }

    assert private == set()


def test_type_checkers_and_the_site_see_each_public_name() -> None:
    source = Path(pytest_plexdev.__file__).read_text(encoding="utf-8")
    (block,) = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names}

    assert names == {name for name in pytest_plexdev.__all__ if not name.startswith("__")}


@pytest.mark.parametrize("name", [name for name in pytest_plexdev.__all__ if not name.isupper()])
def test_a_public_object_explains_itself_by_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(pytest_plexdev, name)) or ""
    meaning, _, example = text.partition("Example::\n")

    assert re.match(r"[A-Z`].*\.", meaning), "it begins with a sentence"
    # What `help()` of a dataclass or a Struct without a docstring would show.
    assert not meaning.startswith(f"{name}(")
    tests = [node.name for node in ast.parse(textwrap.dedent(example)).body if isinstance(node, ast.FunctionDef)]
    assert any(each.startswith("test_") for each in tests)


def test_help_says_what_a_domain_is() -> None:
    shown = pydoc.plain(pydoc.render_doc(pytest_plexdev.Domain))

    assert "A Domain: a tenant of the control plane with its own range of mesh addresses." in shown


@pytest.mark.parametrize("public", CLASSES, ids=lambda each: str(each.__name__))
def test_the_methods_of_a_public_object_are_typed(public: type) -> None:
    assert [name for name, method in methods_of(public) if "return" not in method.__annotations__] == []


@pytest.mark.parametrize("public", CLASSES, ids=lambda each: str(each.__name__))
def test_the_methods_of_a_public_object_have_docstrings(public: type) -> None:
    assert [name for name, method in methods_of(public) if not method.__doc__] == []


def types_of_members(public: type) -> Iterator[type]:
    for name, member in vars(public).items():
        function = getattr(member, "fget", None) or getattr(member, "func", None) or member
        if not name.startswith("_") and callable(function):
            yield from ours_in(typing.get_type_hints(function).get("return"))
    for name, hint in typing.get_type_hints(public).items():
        if not name.startswith("_"):
            yield from ours_in(hint)


def ours_in(hint: object) -> Iterator[type]:
    for argument in typing.get_args(hint):
        yield from ours_in(argument)
    if isinstance(hint, type) and hint.__module__.startswith("pytest_plexdev"):
        yield hint


def methods_of(public: type) -> Iterator[tuple[str, FunctionType]]:
    """The public methods and properties that the class itself defines."""
    for name, member in vars(public).items():
        method = getattr(member, "fget", None) or getattr(member, "func", None) or member
        if not name.startswith("_") and inspect.isfunction(method):
            yield f"{public.__name__}.{name}", method
