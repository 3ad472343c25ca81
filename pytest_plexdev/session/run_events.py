"""Write the events of a run at its end, in the controller, with secrets masked, and the report that shows them."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.text import printable
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.report import page_file
from pytest_plexdev.report.event_file import encode
from pytest_plexdev.report.events import (
    VERSION,
    Event,
    EvidenceSection,
    FailureOfTest,
    Part,
    PhaseBegan,
    RunBegan,
    RunEnded,
    StackUsed,
    VerdictChanged,
)
from pytest_plexdev.session import guard
from pytest_plexdev.session.bring_up_record import read_record
from pytest_plexdev.session.outcomes import outcomes
from pytest_plexdev.session.ran_tests import EVIDENCE, REPORT, ran_tests

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.session.ran_tests import RanTests
    from pytest_plexdev.session.run import Run

SECTION_CHARACTERS: Final = 16_000
"""Maximum length of a text; its end is kept."""

Rule = Callable[[str], str]


def write_results(config: pytest.Config, run: Run, *, exit_code: int) -> None:
    """Write the events of a run to its output directory, and the report if the run has one.

    If the run had no stack and started no part of one, only a report needs its events.
    """
    record = read_record(run.directory)
    ran = ran_tests(config)
    started = any(isinstance(event, (PhaseBegan, VerdictChanged)) for event in record)
    if ran is None or (run.settings.report is None and run.what_ran() is None and not started):
        return
    events = [*events_of_run(config, run, ran, record, exit_code=exit_code)]
    with guard.observing(config, "the file of the run's events"):
        _write_events(config, run, events)
    if run.settings.report is not None:
        with guard.observing(config, "the report"):
            config.stash[REPORT] = _write_page(run, run.settings.report, events)


def _write_events(config: pytest.Config, run: Run, events: Sequence[Event]) -> None:
    try:
        file = run.output.write_events(encode(events))
    except OSError as error:
        # A run that nobody wants a report of may have a read-only directory.
        if run.settings.report is not None:
            place = run.output.shown(run.output.directory)
            guard.add_lines(config, [f"no events are written to {place}: {error.strerror or error}"])
    else:
        config.stash[REPORT] = f"plexdev report {shlex.quote(run.output.shown(file))}"


def _write_page(run: Run, page: Path, events: Sequence[Event]) -> str:
    reason = page_file.write_page(page, [events])
    return f"not written to {run.output.shown(page)}: {reason}" if reason else run.output.shown(page)


def events_of_run(
    config: pytest.Config, run: Run, ran: RanTests, record: Iterable[Event], *, exit_code: int
) -> Iterator[Event]:
    """Yield the events of a run that ends.

    Args:
        record: The events of its bring-up.
    """
    rule = partial(_masked, known=run.running.secrets if run.running is not None else ())
    yield RunBegan(
        version=VERSION,
        run=run.directory.name,
        at=ran.began,
        project=printable(config.rootpath.name),
        command=rule(shlex.join(["pytest", *map(str, config.invocation_params.args)])),
        programs={
            "Python": platform.python_version(),
            "pytest": pytest.__version__,
            "pytest-plexdev": version("pytest-plexdev"),
        },
    )
    if (info := run.what_ran()) is not None:
        yield _stack(run, info, rule)
    yield from record
    yield from outcomes(ran, rule)
    for report in ran.not_passed:
        if report.failed:
            yield _failure(report, rule)
    yield RunEnded(at=unix_time(), exit_code=exit_code)


def _masked(text: str, *, known: Any) -> str:
    # Masked before it is cut: a secret that is cut in two is not recognised.
    return printable(mask(text, known))[-SECTION_CHARACTERS:]


def _stack(run: Run, info: StackInfo, rule: Rule) -> StackUsed:
    from pytest_plexdev.stack.providers import provider_for

    services = [Part(name=each.name, version=each.version, stands_in_for=each.stands_in_for) for each in info.services]
    return StackUsed(
        provider=info.provider,
        id=info.id,
        api=rule(info.endpoints.api),
        issuer=rule(info.endpoints.issuer),
        made_at=info.started_at,
        was_running=run.settings.dev_stack,
        profile=info.profile,
        control_plane=rule(provider_for(info.provider).texts.control_plane(info)),
        services=tuple(services),
        left_out=info.left_out,
        drift=tuple(map(rule, run.notes.drift)),
        passed_over=rule(run.notes.passed_over),
        attached_in_s=run.running.attached_in if run.running is not None and run.settings.dev_stack else None,
    )


def _failure(report: pytest.TestReport | pytest.CollectReport, rule: Rule) -> FailureOfTest:
    text = rule(report.longreprtext)
    collected = [(title, text) for title, text in vars(report).get(EVIDENCE, ())]
    captured = [(title, text) for title, text in report.sections if not title.startswith("plexdev ")]
    sections = [EvidenceSection(title=rule(title), text=rule(text)) for title, text in (*collected, *captured)]
    return FailureOfTest(
        test=rule(report.nodeid),
        phase="call" if report.when == "???" else report.when or "call",
        message=_message(report, rule, text),
        text=text,
        evidence=tuple(each for each in sections if each.text.strip()),
        folder=rule(vars(report).get("plexdev_evidence", "")),
    )


def _message(report: pytest.TestReport | pytest.CollectReport, rule: Rule, text: str) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    whole = rule(crash.message) if crash is not None else text
    return next((line.strip() for line in whole.splitlines() if line.strip()), "")
