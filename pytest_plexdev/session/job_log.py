"""Report to the CI job that runs pytest: fold evidence in its log, annotate expected failures, write its summary."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.core.ci_log import Annotation, CiLog, find_ci_log
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.session import job_summary
from pytest_plexdev.session.expected_failure import ExpectedFailure, failure_of
from pytest_plexdev.session.guard import observing
from pytest_plexdev.session.run import find_run

_ANNOTATIONS: Final = 10
"""GitHub shows this many errors of a step."""
_ANNOTATES_TESTS: Final = "pytest_github_actions_annotate_failures"
"""A plugin that annotates each failure in a test's call, but none in its set-up or tear-down."""
_EVIDENCE: Final = "plexdev "
"""The beginning of the titles of evidence."""


class JobLog:
    """A plugin of pytest that reports to the job, in the process that prints the summary."""

    def __init__(self, log: CiLog, summary: Path | None) -> None:
        self._log = log
        self._summary = summary

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest's own, which prints the failures
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode, config: pytest.Config
    ) -> Generator[None]:
        reports = [*job_summary.failed_reports(terminalreporter)]
        with observing(config, "the fold around evidence in the log of the job"):
            for report in reports:
                self._fold(report)
        yield
        with observing(config, "an annotation of the job"):
            for line in [*self._annotations(reports, config)][:_ANNOTATIONS]:
                terminalreporter.line(line)
        with observing(config, "the summary of the job"):
            self._write_summary(terminalreporter, reports, exitstatus, config)

    def _fold(self, report: pytest.TestReport) -> None:
        for place, (title, text) in enumerate(report.sections):
            if title.startswith(_EVIDENCE):
                fold = self._log.fold(f"{title} of {report.nodeid}")
                folded = "\n".join([fold.begin, self._log.within(text).rstrip("\n"), fold.end])
                report.sections[place] = (title, folded)
        if failure_of(report) is not None:
            # Its text is printed as it is; pytest begins the lines of other failures with a mark.
            for entry in getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", ()):
                entry.lines = [self._log.inert(line) for line in entry.lines]

    def _annotations(self, reports: list[pytest.TestReport], config: pytest.Config) -> Iterator[str]:
        only_around_calls = config.pluginmanager.hasplugin(_ANNOTATES_TESTS)
        for report in reports:
            failure = failure_of(report)
            if failure is None or (only_around_calls and report.when == "call"):
                continue
            if line := self._log.annotation(_annotation(failure, report.nodeid)):
                yield line

    def _write_summary(
        self,
        reporter: pytest.TerminalReporter,
        reports: list[pytest.TestReport],
        exitstatus: pytest.ExitCode,
        config: pytest.Config,
    ) -> None:
        run = find_run(config)
        if run is None or self._summary is None:
            return
        info = run.what_ran()
        if info is None and not any(map(failure_of, reports)):
            return  # the run has not used plexdev
        secrets = run.own_secrets.union(run.running.secrets if run.running is not None else ())
        passed = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        text = job_summary.render(reporter, run, info, reports, passed=passed)
        with self._summary.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{mask(text, secrets)}\n")


def register(config: pytest.Config) -> None:
    """Report to the job, if one runs this process. A worker's reports are the controller's."""
    log = find_ci_log()
    if log is None or hasattr(config, "workerinput"):
        return
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    config.pluginmanager.register(JobLog(log, Path(summary) if summary else None), "plexdev-job-log")


def _annotation(failure: ExpectedFailure, test: str) -> Annotation:
    lines = [failure.what, *failure.reasons_and_fixes, f"test: {test}"]
    return Annotation(
        title=f"plexdev[{failure.tag}]", text="\n".join(lines), file=Path(failure.file), line=failure.line
    )
