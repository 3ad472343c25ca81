"""A project whose tests fail."""

from __future__ import annotations

import pytest

import pytest_plexdev.session.evidence
import pytest_plexdev.session.log_copies
import pytest_plexdev.session.masked_report
import pytest_plexdev.session.output
import pytest_plexdev.session.report
import pytest_plexdev.session.timeline  # noqa: F401 (once for all runs in this process, for what is patched here)


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """A run that fails for its tests alone; in this process, but for workers."""
    start = project.runpytest_subprocess if "-n" in arguments else project.runpytest_inprocess
    result = start(*arguments)
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    return result
