"""The sections of a failing test's evidence, and what collects each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.session.evidence import requests
from pytest_plexdev.session.evidence.collect import BYTES, Collector, Section
from pytest_plexdev.session.evidence.logs import READ_BYTES, Logs, end_of

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Verdict
    from pytest_plexdev.session.evidence.phases import Phases
    from pytest_plexdev.session.run import Moment
    from pytest_plexdev.testkit.stack import Stack

_MAX_SECTIONS: Final = 100
"""Number of sections of one plugin's diagnostics that are read."""
_TITLE_CHARACTERS: Final = 200


@dataclass(frozen=True, kw_only=True)
class FailedTest:
    """What the collectors need to know of the test.

    Attributes:
        since: Its beginning.
        ended: When it failed (Unix time, seconds).
        phases: Its phases until then.
        ids: The correlation ids that its failure names.
        columns: The width of the terminal.
    """

    item: pytest.Item
    since: Moment
    ended: float
    phases: Phases
    ids: Collection[str]
    columns: int


def collectors(
    stack: Stack, test: FailedTest, *, deadline: float, rule: Callable[[str], str]
) -> Iterator[tuple[str, Collector]]:
    """Yield the title and the collector of each section.

    Args:
        deadline: On ``time.monotonic()``'s clock.
        rule: Masks a text.
    """
    verdicts = cache(stack.verdicts)
    logs = Logs(stack=stack, since=test.since, rule=rule)
    yield "readiness", lambda: readiness(stack, verdicts())
    for title, collector in stack.provider.evidence(stack.info, test.since.time):
        yield title, partial(_plain, collector)
    yield "HTTP exchanges", lambda: _exchanges(stack, test)
    yield "requests of other clients", lambda: _other_requests(stack, test, logs)
    yield "logs", lambda: logs.section(verdicts(), deadline)
    yield "diagnostics", lambda: _diagnostics(stack, test.item, rule)


def readiness(stack: Stack, verdicts: Sequence[Verdict]) -> Section:
    """Show what is not ready. If all is, only the folder says so."""
    from pytest_plexdev.core.tables import verdict_table

    if all(verdict.state == "ready" for verdict in verdicts):
        return Section(text=f"all ready: {', '.join(verdict.name for verdict in verdicts)}", brief="")
    # Without the rest of a reason, which is the end of a log: the section of logs has it.
    logs = [str(service.log) for service in stack.info.services if service.log is not None]
    shown = [
        replace(
            verdict,
            reason=verdict.headline,
            hint="" if any(log in verdict.hint for log in logs) else verdict.hint,
        )
        for verdict in verdicts
        if verdict.state != "ready"
    ]
    # Unready services only: a long section loses its beginning, which has the first causes.
    ready = len(verdicts) - len(shown)
    return Section(text="\n".join([verdict_table(shown), *([f"{ready} more are ready"] if ready else [])]))


def _plain(collector: Callable[[], str]) -> Section:
    return Section(text=collector())


def _exchanges(stack: Stack, test: FailedTest) -> Section:
    return requests.exchanges_section(stack.exchanges.since(test.since.time), test.phases, test.columns)


def _other_requests(stack: Stack, test: FailedTest, logs: Logs) -> Section:
    began = test.since.time
    sent = stack.exchanges.since(began)
    lines = requests.other_requests(logs, sent, began=began, ended=test.ended, ids=test.ids)
    return requests.other_requests_section(lines, test.phases, test.columns)


def _diagnostics(stack: Stack, item: pytest.Item, rule: Callable[[str], str]) -> Section:
    results = item.config.hook.pytest_plexdev_diagnostics(stack=stack, item=item)
    return Section(text="\n".join(section for result in results for section in _sections_of(result, rule)))


def _sections_of(result: object, rule: Callable[[str], str]) -> Iterator[str]:
    """The sections in one plugin's result, which can be anything: invalid sections are shown with their value."""
    if isinstance(result, Mapping):
        result = result.items()
    if isinstance(result, (str, bytes)) or not isinstance(result, Iterable):
        result = [result] if result else []
    for section in itertools.islice(result, _MAX_SECTIONS):
        match section:
            case (title, text):
                yield f"{_text_of(title, rule)[:_TITLE_CHARACTERS]}\n{_text_of(text, rule)}"
            case _:
                yield f"not a pair of title and text: {_text_of(section, rule)}"


def _text_of(value: object, rule: Callable[[str], str]) -> str:
    text = bytes(value[-READ_BYTES:]).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return rule(end_of(text, READ_BYTES))[-BYTES:]
