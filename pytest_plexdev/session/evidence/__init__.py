"""The evidence of a failing test: readiness, events, requests and logs, in its report and in a folder of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from pytest_plexdev.core.clock import monotonic, unix_time
from pytest_plexdev.core.text import printable
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.session.evidence import terminal
from pytest_plexdev.session.evidence.access_lines import correlation_ids
from pytest_plexdev.session.evidence.collect import SECONDS, Section, collect
from pytest_plexdev.session.evidence.sections import FailedTest, collectors
from pytest_plexdev.session.output_directory import folder_name
from pytest_plexdev.session.terminal_width import columns_of

if TYPE_CHECKING:
    from pytest_plexdev.session.evidence.phases import Phases
    from pytest_plexdev.session.run import Moment, Run


def attach(
    report: pytest.TestReport,
    item: pytest.Item,
    run: Run,
    *,
    since: Moment,
    phases: Phases,
    logs: Mapping[str, bytes],
) -> None:
    """Add the evidence to *report* and write it to ``<output>/<test>/``.

    Args:
        since: The start of the test.
        phases: Its phases until the failure.
        logs: The result of :func:`~pytest_plexdev.session.log_copies.keep_logs`.
    """
    if run.running is None:
        return
    # The first test of a process began before the process had the stack; its evidence begins when it got the stack.
    began = run.first if run.first is not None and since.time < run.first.time else since
    test = FailedTest(
        item=item,
        since=began,
        ended=unix_time(),
        phases=phases,
        ids=correlation_ids("\n".join([report.longreprtext, *(text for _, text in report.sections)])),
        columns=columns_of(item.config),
    )
    sections = [(title, section) for title, section in _sections(run, test) if section.text]
    shown = [(title, _shown(section, test.columns)) for title, section in sections]
    report.sections += [(f"plexdev {title}", text) for title, text in shown if text]
    files = {f"{_slug(title)}.txt": f"{section.text}\n".encode() for title, section in sections}
    try:
        folder = run.output.write(item.nodeid, folder_name(item.nodeid), {**files, **logs})
    except OSError as error:
        report.sections.append(("plexdev evidence", printable(f"could not be written: {error}")))
    else:
        # pytest-xdist passes the attribute to the controller, whose summary names the directory.
        vars(report)["plexdev_evidence"] = run.output.shown(folder)


def _sections(run: Run, test: FailedTest) -> list[tuple[str, Section]]:
    stack = run.running
    assert stack is not None
    deadline = monotonic() + SECONDS

    def rule(text: str) -> str:
        return mask(text, stack.secrets)  # a collector may learn of secrets

    return [*collect(collectors(stack, test, deadline=deadline, rule=rule), deadline=deadline, rule=rule)]


def _shown(section: Section, columns: int) -> str:
    return terminal.last_lines(section.text, columns) if section.brief is None else section.brief


def _slug(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", title).strip("-.")
