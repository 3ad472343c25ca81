"""Remember the tests that a run has reported, for its events. A plugin of its own, because the hooks get no config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_plexdev.core.clock import unix_time

if TYPE_CHECKING:
    from pytest_plexdev.session.run import Run

EVIDENCE: Final = "plexdev_evidence_sections"
"""The attribute of a report with the evidence, as pairs of title and text. pytest-xdist passes it to the controller."""
REPORT: Final = pytest.StashKey[str]()
"""Of a run that has ended: its report, or how to get one."""
_PLUGIN: Final = "plexdev-ran-tests"


class RanTests:
    """The reports of a run, in its controller or only process.

    Attributes:
        began: When pytest started; Unix time, seconds.
        reports: What is kept of each report: the test, its phase and outcome, when that began and ended, the worker,
            and whether the test was expected to fail.
        not_passed: The reports that did not pass, for their texts.
    """

    def __init__(self) -> None:
        self.began = unix_time()
        self.reports: list[tuple[str, str, str, float, float, str, bool]] = []
        self.not_passed: list[pytest.TestReport | pytest.CollectReport] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        began, ended = getattr(report, "start", 0.0), getattr(report, "stop", 0.0)
        # pytest-xdist adds the node in its controller.
        worker = report.node.gateway.id if hasattr(report, "node") else ""
        is_expected = hasattr(report, "wasxfail")
        self.reports.append((report.nodeid, report.when, report.outcome, began, ended, worker, is_expected))
        if report.outcome != "passed":
            self.not_passed.append(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.not_passed.append(report)


def register(config: pytest.Config) -> None:
    """Remember the tests of this process and, if it is a controller, of its workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(RanTests(), _PLUGIN)


def ran_tests(config: pytest.Config) -> RanTests | None:
    """Return what was remembered; ``None`` in a worker."""
    found: RanTests | None = config.pluginmanager.get_plugin(_PLUGIN)
    return found


def write_results(config: pytest.Config, run: Run, *, exit_code: int) -> None:
    """Write the events and the report of a run that ends. Most runs without a stack have none, and import nothing."""
    if config.option.collectonly:
        return
    if run.settings.report is not None or run.running is not None or run.directory.is_dir():
        from pytest_plexdev.session import run_events

        run_events.write_results(config, run, exit_code=exit_code)
