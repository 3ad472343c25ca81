"""Run pytest in a project whose tests fail."""

from __future__ import annotations

import pytest

import pytest_plexdev.report.page_file
import pytest_plexdev.session.evidence
import pytest_plexdev.session.log_copies
import pytest_plexdev.session.masked_report
import pytest_plexdev.session.output_directory
import pytest_plexdev.session.report
import pytest_plexdev.session.run_events  # noqa: F401 (imported once for all runs in this process, because tests patch it)


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest, in this process unless it has workers. Only the tests may fail."""
    start = project.runpytest_subprocess if "-n" in arguments else project.runpytest_inprocess
    result = start(*arguments)
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    return result
