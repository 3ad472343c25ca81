"""The evidence of a failing test: readiness, events, requests and logs, in its report and in a folder of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.core.clock import monotonic, unix_time
from pytest_plexdev.core.text import printable
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.session import attachments
from pytest_plexdev.session.evidence import terminal
from pytest_plexdev.session.evidence.access_lines import correlation_ids
from pytest_plexdev.session.evidence.collect import SECONDS, Section, collect
from pytest_plexdev.session.evidence.page import NAME as PAGE
from pytest_plexdev.session.evidence.page import Failure, render_page
from pytest_plexdev.session.evidence.sections import FailedTest, collectors
from pytest_plexdev.session.item_checks import secrets_of
from pytest_plexdev.session.output_directory import folder_name
from pytest_plexdev.session.ran_tests import EVIDENCE
from pytest_plexdev.session.terminal_width import columns_of

if TYPE_CHECKING:
    from pytest_plexdev.session.evidence.phases import Phases
    from pytest_plexdev.session.run import Moment, Run
    from pytest_plexdev.testkit.stack import Stack

_FAILURES: Final = pytest.StashKey[tuple["Moment", list[Failure]]]()
"""The start of a test, and its failures since then."""
_SHARED: Final = "shared"
"""Names the run's stack in the evidence of a test that has another one to itself."""


def attach(
    report: pytest.TestReport,
    item: pytest.Item,
    run: Run,
    stacks: Sequence[Stack],
    *,
    since: Moment,
    phases: Phases,
    logs: Mapping[str, bytes],
) -> None:
    """Add the evidence to *report* and write it to ``<output>/<test>/``.

    Args:
        stacks: The stacks that concern the test, the most relevant first.
        since: The start of the test.
        phases: Its phases until the failure.
        logs: The result of :func:`~pytest_plexdev.session.log_copies.keep_logs`.
    """
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
    failures = [*_earlier_failures(item, since), _failure(report, test, secrets_of(item, run, stacks))]
    item.stash[_FAILURES] = (since, failures)
    sections = _sections(stacks, test)
    shown = [(title, _shown(section, test.columns)) for title, section in sections]
    report.sections += [(f"plexdev {title}", text) for title, text in shown if text]
    copies = {name: text.encode() for _, section in sections for name, text in section.files.items()} | {**logs}
    texts = [(title, section.text) for title, section in sections if section.text]
    page = render_page(item, run, stacks[0].info, failures, texts, sorted(copies))
    vars(report)[EVIDENCE] = [(printable(title), text) for title, text in texts]
    files = {PAGE: printable(page).encode(), **copies}
    try:
        folder = run.output.write(item.nodeid, folder_name(item.nodeid), files)
    except OSError as error:
        report.sections.append(("plexdev evidence", printable(f"could not be written: {error}")))
    else:
        # pytest-xdist passes the attribute to the controller, whose summary names the directory.
        vars(report)["plexdev_evidence"] = run.output.shown(folder)
        attachments.add(report, item.config, folder=folder, names=[*files], page=page)


def _sections(stacks: Sequence[Stack], test: FailedTest) -> list[tuple[str, Section]]:
    deadline = monotonic() + SECONDS

    def rule(text: str) -> str:
        # A collector may learn of secrets.
        return mask(text, frozenset[str]().union(*(stack.secrets for stack in stacks)))

    first, *others = stacks
    found = [*collect(collectors(first, test, deadline=deadline, rule=rule), deadline=deadline, rule=rule)]
    for stack in others:
        for title, section in collect(
            collectors(stack, test, deadline=deadline, rule=rule), deadline=deadline, rule=rule
        ):
            files = {f"{_SHARED}-{name}": text for name, text in section.files.items()}
            found.append((f"{title} of the {_SHARED} stack", replace(section, files=files)))
    return found


def _shown(section: Section, columns: int) -> str:
    return terminal.last_lines(section.text, columns) if section.brief is None else section.brief


def _earlier_failures(item: pytest.Item, since: Moment) -> list[Failure]:
    began, failures = item.stash.get(_FAILURES, (since, []))
    return failures if began is since else []  # plugins repeat failed tests


def _failure(report: pytest.TestReport, test: FailedTest, secrets: Collection[str]) -> Failure:
    captured = [(title, mask(text, secrets)) for title, text in report.sections]
    return Failure(phase=test.phases.current, text=mask(report.longreprtext, secrets), captured=captured)
