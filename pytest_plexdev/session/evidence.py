"""Collect the evidence of a failing test within a time limit: readiness, events, logs, HTTP exchanges."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.core.clock import monotonic, unix_time
from pytest_plexdev.core.text import printable
from pytest_plexdev.masking.rule import mask, without_cut_word
from pytest_plexdev.session import access_lines
from pytest_plexdev.session.guard import describe
from pytest_plexdev.session.output_directory import folder_name
from pytest_plexdev.testkit.stack import API

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Service, Verdict
    from pytest_plexdev.session.run import Moment, Run
    from pytest_plexdev.testkit.stack import Stack

BYTES: Final = 16_000
"""Maximum size of a section; its end is kept."""
LOG_BYTES: Final = 4_000
"""Maximum share of each service's log in the section of logs."""
LINES: Final = 15
"""Number of lines of a section that the terminal shows, from its end; the file has all."""
COLUMNS: Final = 240
"""Maximum length of a line on the terminal. A response body is one line."""
SECONDS: Final = 3.0
"""Time limit for all collectors of one failing test."""
_READ_BYTES: Final = 64_000
"""Number of bytes that are read of a long text: more than is shown, because secrets are masked before it is cut."""
_API_LOG_BYTES: Final = 1_000_000
"""Number of bytes that are read of the API's log, in search of requests."""
_MARGIN_S: Final = 0.1
"""Time before the limit at which the collected logs are returned and the missing ones are named."""
_MAX_SECTIONS: Final = 100
"""Number of sections of one plugin's diagnostics that are read."""
_TITLE_CHARACTERS: Final = 200

Collector = Callable[[], str]


def attach(report: pytest.TestReport, item: pytest.Item, run: Run, *, since: Moment, logs: Mapping[str, bytes]) -> None:
    """Add the evidence to *report* and write it to ``<output>/<test>/``.

    Args:
        since: The start of the test.
        logs: The result of :func:`~pytest_plexdev.session.log_copies.keep_logs`.
    """
    if run.running is None:
        return
    # The first test of a process began before the process had the stack; its evidence begins when it got the stack.
    began = run.first if run.first is not None and since.time < run.first.time else since
    ids = access_lines.correlation_ids("\n".join([report.longreprtext, *(text for _, text in report.sections)]))
    sections = [section for section in _collect(run.running, item, began, ids) if section[1]]
    report.sections += [(f"plexdev {title}", _last_lines(text)) for title, text in sections]
    files = {f"{_slug(title)}.txt": f"{text}\n".encode() for title, text in sections}
    try:
        folder = run.output.write(item.nodeid, folder_name(item.nodeid), {**files, **logs})
    except OSError as error:
        report.sections.append(("plexdev evidence", printable(f"could not be written: {error}")))
    else:
        # pytest-xdist passes the attribute to the controller, whose summary names the directory.
        vars(report)["plexdev_evidence"] = run.output.shown(folder)


def _collect(stack: Stack, item: pytest.Item, since: Moment, ids: Collection[str]) -> Iterator[tuple[str, str]]:
    deadline = monotonic() + SECONDS
    for title, collector in _collectors(stack, item, since, ids, deadline):
        if monotonic() > deadline:
            yield title, f"not collected: the time limit of {SECONDS:g} s was reached"
            continue
        text = mask(_result_of(_start(collector), deadline - monotonic()), stack.secrets)
        yield title, printable(_shorten(text))


def _start(collector: Collector) -> Future[str]:
    """Run a collector in a daemon thread: an executor would wait at exit for one that blocks on a silent cluster."""
    future: Future[str] = Future()

    def run() -> None:
        try:
            future.set_result(collector())
        except BaseException as error:
            future.set_result(f"the collector failed: {describe(error)}")

    threading.Thread(target=run, name="plexdev-evidence", daemon=True).start()
    return future


def _result_of(future: Future[str], timeout_s: float) -> str:
    try:
        return future.result(timeout=max(0.0, timeout_s))
    except TimeoutError:
        return f"not collected: no result within the time limit of {SECONDS:g} s"


def _collectors(
    stack: Stack, item: pytest.Item, since: Moment, ids: Collection[str], deadline: float
) -> Iterator[tuple[str, Collector]]:
    ended = unix_time()
    verdicts = cache(stack.verdicts)
    yield "readiness", lambda: _readiness(stack, verdicts())
    yield from stack.provider.evidence(stack.info, since.time)
    yield "HTTP exchanges", lambda: _exchanges(stack, since)
    yield "requests of other clients", lambda: _requests(stack, since, ended, ids)
    yield "logs", lambda: _logs(stack, since, verdicts(), deadline - _MARGIN_S)
    yield "diagnostics", lambda: _diagnostics(stack, item)


def _readiness(stack: Stack, verdicts: Sequence[Verdict]) -> str:
    from pytest_plexdev.core.tables import verdict_table

    if all(verdict.state == "ready" for verdict in verdicts):
        return f"all ready: {', '.join(verdict.name for verdict in verdicts)}"
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
    return "\n".join([verdict_table(shown), *([f"{ready} more are ready"] if ready else [])])


def _exchanges(stack: Stack, since: Moment) -> str:
    exchanges = stack.exchanges.since(since.time)
    return "\n".join(str(exchange) for exchange in exchanges) or "no request since the test began"


def _requests(stack: Stack, since: Moment, ended: float, ids: Collection[str]) -> str:
    """The requests in the API's log that the harness did not send itself."""
    api = next((service for service in stack.info.services if service.name == API), None)
    if api is None:
        return ""
    lines = access_lines.read_access_lines(_read_log(stack, api, since, limit=_API_LOG_BYTES))
    if not {line.correlation_id for line in lines}.issuperset(ids):
        # The failure names a request of an earlier test or of a fixture of a wider scope.
        whole = _read_log(stack, api, replace(since, time=0.0, log_sizes={}), limit=_API_LOG_BYTES)
        lines = access_lines.read_access_lines(whole)
    sent = {exchange.correlation_id for exchange in stack.exchanges.since(since.time)}
    chosen = access_lines.between(lines, since.time, ended, ids=ids)
    return "\n".join(str(line) for line in chosen if line.correlation_id not in sent)


def _logs(stack: Stack, since: Moment, verdicts: Sequence[Verdict], deadline: float) -> str:
    # The cause of a service that is not ready may have been logged long before the test. In a cluster its verdict is
    # named `deployment/plexsphere`.
    not_ready = {verdict.name.rpartition("/")[2] for verdict in verdicts if verdict.state != "ready"}
    beginning = replace(since, time=0.0, log_sizes={})
    # Concurrently: each log of a cluster takes one or two requests to its API server.
    futures = {
        service.name: _start(partial(_read_log, stack, service, beginning if service.name in not_ready else since))
        for service in stack.info.services
    }
    logs = {name: _result_of(future, deadline - monotonic()) for name, future in futures.items()}
    names_by_text: dict[str, list[str]] = {}
    for name, whole in logs.items():
        if text := access_lines.without_access_lines(whole) if name == API else whole:
            names_by_text.setdefault(mask(text, stack.secrets)[-LOG_BYTES:].rstrip(), []).append(name)
    # Equal texts are shown once: if no log can be read, all have the same reason.
    sections = [f"{', '.join(names)}:\n{text}" for text, names in names_by_text.items()]
    return "\n".join(sections) or "no line since the test began"


def _read_log(stack: Stack, service: Service, since: Moment, *, limit: int = _READ_BYTES) -> str:
    if service.log is None:
        return _tail(stack.log(service.name, since=since.time or None), limit)
    if not service.log.is_file():
        return f"{service.log} does not exist"
    with service.log.open("rb") as log:
        begins = since.log_sizes.get(service.log, 0)
        cut = max(begins, service.log.stat().st_size - limit)
        log.seek(cut)
        text = log.read().decode("utf-8", "replace")
    return text if cut == begins else without_cut_word(text)


def _diagnostics(stack: Stack, item: pytest.Item) -> str:
    results = item.config.hook.pytest_plexdev_diagnostics(stack=stack, item=item)
    rule = partial(mask, known=stack.secrets)
    return "\n".join(section for result in results for section in _sections_of(result, rule))


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
    text = bytes(value[-_READ_BYTES:]).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return rule(_tail(text, _READ_BYTES))[-BYTES:]


def _tail(text: str, length: int) -> str:
    return text if len(text) <= length else without_cut_word(text[-length:])


def _shorten(text: str) -> str:
    return text if len(text) <= BYTES else f"… ({len(text) - BYTES} characters before)\n{text[-BYTES:]}"


def _last_lines(text: str) -> str:
    lines = text.splitlines()
    shown = [line if len(line) <= COLUMNS else f"{line[:COLUMNS]}…" for line in lines[-LINES:]]
    return "\n".join([f"… ({len(lines) - LINES} lines before)", *shown] if len(lines) > LINES else shown)


def _slug(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", title).strip("-.")
