"""``pytest --fixtures`` names the type of each fixture, which a test imports for its annotations."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest

import pytest_plexdev
from pytest_plexdev import factory_fixtures, fixtures, service_fixtures


def test_the_type_of_each_fixture_is_shown(project: pytest.Pytester) -> None:
    shown = project.runpytest_inprocess("--fixtures").stdout.str()
    texts = dict(re.findall(r"^(plexdev_\w+).* -- .*\n((?:    .*\n)+)", shown, re.MULTILINE))
    types = {name: kind for module in (fixtures, factory_fixtures, service_fixtures) for name, kind in types_in(module)}

    assert types["plexdev_tenant"] == "FreshTenant"
    assert {name for name, kind in types.items() if f"(``{kind}``)" not in texts[name]} == set()


def types_in(module: ModuleType) -> list[tuple[str, str]]:
    """The fixtures of *module* that hand out a public object, and the name of its class."""
    found = re.findall(r"^def (plexdev_\w+)\([^)]*\) -> (?:Iterator\[)?(\w+)", inspect.getsource(module), re.MULTILINE)
    return [(name, kind) for name, kind in found if kind in pytest_plexdev.__all__]
