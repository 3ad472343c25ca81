"""The golden flow in environments unlike ours: one row of ``table`` each, run like a user's own pytest.

A new environment is a row. Every row starts from a bare environment, an empty project and a warm template cache, and
leaves nothing behind. ``make test-runs`` has all but those that are marked ``nightly``: ``tox -e nightly``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environments.model import Environment, Place, describe
from tests.support.environments.table import ENVIRONMENTS


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of the run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def place(shared: Path, environment: Environment) -> Iterator[Place]:
    # One per user: a template belongs to the user who built it.
    cache = shared / f"cache-{environment.user or os.getuid()}"
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pe-", dir="/tmp", ignore_cleanup_errors=True) as directory:
        root = Path(directory)
        root.chmod(0o755)
        yield Place(root, cache)


def marks_of(environment: Environment) -> list[pytest.MarkDecorator]:
    root_only = pytest.mark.skipif(environment.needs_root and os.geteuid() != 0, reason="only root can make it")
    return [root_only, *([pytest.mark.nightly] if environment.nightly else [])]


ROWS = [pytest.param(row, id=row.name, marks=marks_of(row)) for row in ENVIRONMENTS]


@pytest.mark.parametrize("environment", ROWS)
def test_the_golden_flow(environment: Environment, place: Place) -> None:
    run = environment.run(place)

    environment.expected.check(run)
    assert "Traceback" not in run.stdout, describe(run)
    assert list(place.temporary.iterdir()) == []
