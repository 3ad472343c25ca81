"""The examples in the docstrings of fixtures, hooks, and public classes and functions pass in an empty project."""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path

import pytest

import pytest_plexdev
from pytest_plexdev import factory_fixtures, fixtures, hookspecs, service_fixtures
from tests.support.telemetry_servers import on_path

SEED = Path(__file__).parents[2] / "deploy" / "local" / "seed" / "tenants.yaml"
FIXTURES = {
    name: fixture
    for module in (fixtures, factory_fixtures, service_fixtures)
    for name, fixture in vars(module).items()
    if name.startswith("plexdev_")
}
PUBLIC = [name for name in pytest_plexdev.__all__ if callable(getattr(pytest_plexdev, name))]
BACKENDS = {"mimir": "plexdev_metrics", "loki": "plexdev_logs"}
"""The programs that no wheel installs, and the fixtures that need them."""
HOOKS = [name for name in vars(hookspecs) if name.startswith("pytest_plexdev_")]


def example_of(documented: object) -> str:
    """The code of a docstring's example."""
    doc = inspect.getdoc(documented) or ""
    return textwrap.dedent(doc.partition("Example::\n\n")[2])


@pytest.mark.real
def test_the_examples_of_fixtures_and_public_names_pass(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {f"test_{name}": example_of(fixture) for name, fixture in FIXTURES.items()}
    modules |= {f"test_public_{name}": example_of(getattr(pytest_plexdev, name)) for name in PUBLIC}
    project.makepyfile(**modules)
    absent = [fixture for program, fixture in BACKENDS.items() if not on_path(program, project.path, monkeypatch)]
    skipped = [name for name, code in modules.items() if any(fixture in code for fixture in absent)]
    result = project.runpytest_subprocess("-rs")

    assert [name for name, code in modules.items() if "def test_" not in code] == []
    # Besides the project's own test. The cluster's fixture has no example here.
    result.assert_outcomes(passed=len(modules) - len(skipped), skipped=1 + len(skipped))
    result.stdout.fnmatch_lines(["SKIPPED*the embedded stack has no Kubernetes*"])


def test_the_examples_of_the_hooks_are_called(project: pytest.Pytester) -> None:
    project.makeconftest("\n".join(example_of(getattr(hookspecs, name)) for name in HOOKS))
    seed = SEED.read_text().replace("slug: gamma-coop", "slug: delta-org")
    project.mkdir("tests").joinpath("tenants.yaml").write_text(seed)
    (project.path / "deploy" / "overlay").mkdir(parents=True)
    project.makepyfile("def test_slugs(plexdev_tenants):\n    assert set(plexdev_tenants) == set()\n")
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*delta-org*", "*agent*", "test_slugs ran against http://localhost:*"])


def test_fixtures_lists_the_examples(project: pytest.Pytester) -> None:
    result = project.runpytest("--fixtures", "-v")

    for name in FIXTURES:
        result.stdout.fnmatch_lines([f"{name}*", "*Example::", "*def test_*"])
