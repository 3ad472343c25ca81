"""Collect the evidence of a failing test: readiness, events, logs, HTTP exchanges, within a time budget."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.core.clock import monotonic
from pytest_plexdev.core.text import printable
from pytest_plexdev.masking.rule import mask, without_cut_word
from pytest_plexdev.session.guard import describe
from pytest_plexdev.session.output import folder_name

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Service, Verdict
    from pytest_plexdev.session.run import Moment, Run
    from pytest_plexdev.testkit.stack import Stack

BYTES: Final = 16_000
"""What one section may hold; the end of a log says more than its beginning."""
LOG_BYTES: Final = 4_000
"""What each service's log may take of that."""
LINES: Final = 15
"""What a section takes of the terminal, from its end; the rest is in the file."""
COLUMNS: Final = 240
"""Where the terminal's copy of a line is cut: an answer's body is one line."""
SECONDS: Final = 3.0
"""What all collectors of one failing test may take together."""
_READ: Final = 64_000
"""What is read of a long text to show its end: secrets are masked before it is cut."""
_MARGIN: Final = 0.1
"""Seconds before the end at which logs that have come are taken, and the others are named."""
_MOST_SECTIONS: Final = 100
"""What one plugin's diagnostics may have; the rest is not asked for."""
_TITLE: Final = 200
"""Characters of a section's title."""

Collector = Callable[[], str]


def attach(report: pytest.TestReport, item: pytest.Item, run: Run, *, since: Moment, logs: Mapping[str, bytes]) -> None:
    """Add the evidence to *report* and write it to ``<output>/<test>/``.

    Args:
        since: When the test began.
        logs: What :func:`~pytest_plexdev.session.log_copies.keep_logs` returned.
    """
    if run.running is None:
        return
    # The first test of a process began before its stack was there: it saw what happened since then.
    began = run.first if run.first is not None and since.time < run.first.time else since
    sections = [section for section in _collect(run.running, item, began) if section[1]]
    report.sections += [(f"plexdev {title}", _last_lines(text)) for title, text in sections]
    files = {f"{_slug(title)}.txt": f"{text}\n".encode() for title, text in sections}
    try:
        folder = run.output.write(item.nodeid, folder_name(item.nodeid), {**files, **logs})
    except OSError as error:
        report.sections.append(("plexdev evidence", printable(f"could not be written: {error}")))
    else:
        # An attribute crosses from a worker to its controller, whose summary names the directory.
        vars(report)["plexdev_evidence"] = run.output.shown(folder)


def _collect(stack: Stack, item: pytest.Item, since: Moment) -> Iterator[tuple[str, str]]:
    deadline = monotonic() + SECONDS
    for title, collector in _collectors(stack, item, since, deadline):
        if monotonic() > deadline:
            yield title, f"not collected: {SECONDS:g} s were over"
            continue
        said = mask(_run(collector, deadline - monotonic()), stack.secrets)
        yield title, printable(_shorten(said))


def _run(collector: Collector, seconds: float) -> str:
    """What it says; one that waits for a cluster that answers no more is left behind."""
    return _said(_started(collector), seconds)


def _said(answer: Future[str], seconds: float) -> str:
    try:
        return answer.result(timeout=max(0.0, seconds))
    except TimeoutError:
        return f"not collected: {SECONDS:g} s were over, and there was no answer"


def _started(collector: Collector) -> Future[str]:
    said: Future[str] = Future()
    threading.Thread(target=_tell, args=(collector, said), name="plexdev-evidence", daemon=True).start()
    return said


def _tell(collector: Collector, said: Future[str]) -> None:
    try:
        said.set_result(collector())
    except BaseException as error:
        said.set_result(f"the collector failed: {describe(error)}")


def _collectors(stack: Stack, item: pytest.Item, since: Moment, deadline: float) -> Iterator[tuple[str, Collector]]:
    verdicts = cache(stack.verdicts)
    yield "readiness", lambda: _readiness(stack, verdicts())
    yield from stack.provider.evidence(stack.info, since.time)
    yield "HTTP exchanges", lambda: _exchanges(stack, since)
    yield "logs", lambda: _logs(stack, since, verdicts(), deadline - _MARGIN)
    yield "diagnostics", lambda: _diagnostics(stack, item)


def _readiness(stack: Stack, verdicts: Sequence[Verdict]) -> str:
    from pytest_plexdev.core.tables import verdict_table

    if all(verdict.state == "ready" for verdict in verdicts):
        return f"all ready: {', '.join(verdict.name for verdict in verdicts)}"
    # The rest of a reason is the end of a log, and the logs are a section of their own.
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
    # The end of a long section is what is kept, and its first lines name the cause.
    ready = len(verdicts) - len(shown)
    return "\n".join([verdict_table(shown), *([f"{ready} more are ready"] if ready else [])])


def _exchanges(stack: Stack, since: Moment) -> str:
    exchanges = stack.exchanges.since(since.time)
    return "\n".join(str(exchange) for exchange in exchanges) or "no request since the test began"


def _logs(stack: Stack, since: Moment, verdicts: Sequence[Verdict], deadline: float) -> str:
    # Why a service is not there, it may have said long before the test. In a cluster it is `deployment/plexsphere`.
    not_ready = {verdict.name.rpartition("/")[2] for verdict in verdicts if verdict.state != "ready"}
    beginning = replace(since, time=0.0, log_sizes={})
    # At the same time: each of a cluster's is a question or two to its API server.
    answers = {
        service.name: _started(partial(_written, stack, service, beginning if service.name in not_ready else since))
        for service in stack.info.services
    }
    written = {name: _said(answer, deadline - monotonic()) for name, answer in answers.items()}
    names: dict[str, list[str]] = {}
    for name, text in written.items():
        if text:
            names.setdefault(mask(text, stack.secrets)[-LOG_BYTES:].rstrip(), []).append(name)
    # What they have in common is why none could be asked.
    return "\n".join(f"{', '.join(of)}:\n{text}" for text, of in names.items()) or "no line since the test began"


def _written(stack: Stack, service: Service, since: Moment) -> str:
    if service.log is None:
        return _end_of(stack.log(service.name, since=since.time), _READ)
    if not service.log.is_file():
        return f"{service.log} is not there"
    with service.log.open("rb") as log:
        begins = since.log_sizes.get(service.log, 0)
        cut = max(begins, service.log.stat().st_size - _READ)
        log.seek(cut)
        text = log.read().decode("utf-8", "replace")
    return text if cut == begins else without_cut_word(text)


def _diagnostics(stack: Stack, item: pytest.Item) -> str:
    answers = item.config.hook.pytest_plexdev_diagnostics(stack=stack, item=item)
    rule = partial(mask, known=stack.secrets)
    return "\n".join(section for answer in answers for section in _sections_of(answer, rule))


def _sections_of(answer: object, rule: Callable[[str], str]) -> Iterator[str]:
    """The sections of one plugin's answer, whatever it answered: what is no section is shown as what it is."""
    if isinstance(answer, Mapping):
        answer = answer.items()
    if isinstance(answer, (str, bytes)) or not isinstance(answer, Iterable):
        answer = [answer] if answer else []
    for section in itertools.islice(answer, _MOST_SECTIONS):
        match section:
            case (title, text):
                yield f"{_text_of(title, rule)[:_TITLE]}\n{_text_of(text, rule)}"
            case _:
                yield f"no pair of title and text: {_text_of(section, rule)}"


def _text_of(value: object, rule: Callable[[str], str]) -> str:
    text = bytes(value[-_READ:]).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return rule(_end_of(text, _READ))[-BYTES:]


def _end_of(text: str, length: int) -> str:
    return text if len(text) <= length else without_cut_word(text[-length:])


def _shorten(text: str) -> str:
    return text if len(text) <= BYTES else f"… ({len(text) - BYTES} characters before)\n{text[-BYTES:]}"


def _last_lines(text: str) -> str:
    lines = text.splitlines()
    shown = [line if len(line) <= COLUMNS else f"{line[:COLUMNS]}…" for line in lines[-LINES:]]
    return "\n".join([f"… ({len(lines) - LINES} lines before)", *shown] if len(lines) > LINES else shown)


def _slug(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", title).strip("-.")
