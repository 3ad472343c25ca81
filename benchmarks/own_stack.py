"""Measure how long a test waits for a stack of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure
from benchmarks.timed_project import make_project, setup_seconds

_TESTS: Final = 8
_TEST: Final = f"""
import pytest

@pytest.mark.parametrize("number", range({_TESTS}))
def test_stack(plexdev_own_stack, number):
    assert plexdev_own_stack.anonymous.meta.version()
"""


def run() -> Sequence[Figure]:
    """Time the set-up of ``plexdev_own_stack`` in one pytest process: the first, which imports, and the others."""
    with tempfile.TemporaryDirectory() as name:
        project = make_project(Path(name), fixture="plexdev_own_stack", tests=_TEST)
        setup_seconds(project, "-k", "test_stack[0]")  # the template may have to be built
        first, *others = setup_seconds(project)
    return [
        Figure(what="own stack, the first of a process", samples=[first], unit="s", promise=1.5, reference="—"),
        Figure(what="own stack, each further one", samples=others, unit="s", promise=0.7, reference="—"),
    ]
