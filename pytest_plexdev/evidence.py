"""What a failing test leaves behind: readiness, events, logs, HTTP exchanges; within a budget, never in the way."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.api.exchanges import mask
from pytest_plexdev.clock import monotonic

if TYPE_CHECKING:
    from pytest_plexdev.run import Moment, Run
    from pytest_plexdev.running import Stack
    from pytest_plexdev.stack.model import Cluster, Service, Verdict

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
_MARGIN: Final = 0.1
"""Seconds before the end at which logs that have come are taken, and the others are named."""
SLUG: Final = 120
"""Characters of a directory name; the rest becomes a hash."""

Collector = Callable[[], str]


def attach(report: pytest.TestReport, item: pytest.Item, run: Run, *, since: Moment) -> None:
    """Add the evidence to *report* and write it to ``<output>/<test>/``.

    Args:
        since: When the test began.
    """
    if run.running is None:
        return
    # The first test of a process began before its stack was there: it saw what happened since then.
    began = run.first if run.first is not None and since.time < run.first.time else since
    directory = run.settings.output / _slug(item.nodeid)
    sections = [section for section in _collect(run.running, item, began) if section[1]]
    report.sections += [(f"plexdev {title}", _last_lines(text)) for title, text in sections]
    try:
        _write(directory, sections)
    except OSError as error:
        report.sections.append(("plexdev evidence", f"could not be written: {error}"))
    else:
        # An attribute crosses from a worker to its controller, whose summary names the directory.
        vars(report)["plexdev_evidence"] = str(directory)


def _collect(stack: Stack, item: pytest.Item, since: Moment) -> Iterator[tuple[str, str]]:
    deadline = monotonic() + SECONDS
    for title, collector in _collectors(stack, item, since, deadline):
        if monotonic() > deadline:
            yield title, f"not collected: {SECONDS:g} s were over"
            continue
        yield title, _shorten(_run(collector, deadline - monotonic()))


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
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        said.set_result(f"the collector failed: {reason}")


def _collectors(stack: Stack, item: pytest.Item, since: Moment, deadline: float) -> Iterator[tuple[str, Collector]]:
    verdicts = cache(stack.verdicts)
    yield "readiness", lambda: _readiness(verdicts())
    cluster = stack.info.cluster
    if cluster is not None:
        yield "events", lambda: _events(cluster, since)
    yield "HTTP exchanges", lambda: _exchanges(stack, since)
    yield "logs", lambda: _logs(stack, since, verdicts(), deadline - _MARGIN)
    yield "diagnostics", lambda: _diagnostics(stack, item)


def _readiness(verdicts: Sequence[Verdict]) -> str:
    from pytest_plexdev.progress import verdict_table

    if all(verdict.state == "ready" for verdict in verdicts):
        return f"all ready: {', '.join(verdict.name for verdict in verdicts)}"
    # The rest of a reason is the end of a log, and the logs are a section of their own.
    return verdict_table([replace(verdict, reason=verdict.reason.partition("\n")[0]) for verdict in verdicts])


def _events(cluster: Cluster, since: Moment) -> str:
    from pytest_plexdev.kube.happened import events_since

    return "\n".join(events_since(cluster, since.time)) or "none since the test began"


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
            names.setdefault(mask(text).rstrip(), []).append(name)
    # What they have in common is why none could be asked.
    return "\n".join(f"{', '.join(of)}:\n{text}" for text, of in names.items()) or "no line since the test began"


def _written(stack: Stack, service: Service, since: Moment) -> str:
    if service.log is None:
        return stack.log(service.name, since=since.time)[-LOG_BYTES:]
    if not service.log.is_file():
        return f"{service.log} is not there"
    with service.log.open("rb") as log:
        log.seek(max(since.log_sizes.get(service.log, 0), service.log.stat().st_size - LOG_BYTES))
        return log.read().decode("utf-8", "replace")


def _diagnostics(stack: Stack, item: pytest.Item) -> str:
    answers = item.config.hook.pytest_plexdev_diagnostics(stack=stack, item=item)
    sections = [section for answer in answers for section in answer or []]
    return "\n".join(f"{title}\n{text}" for title, text in sections)


def _shorten(text: str) -> str:
    return text if len(text) <= BYTES else f"… ({len(text) - BYTES} characters before)\n{text[-BYTES:]}"


def _last_lines(text: str) -> str:
    lines = text.splitlines()
    shown = [line if len(line) <= COLUMNS else f"{line[:COLUMNS]}…" for line in lines[-LINES:]]
    return "\n".join([f"… ({len(lines) - LINES} lines before)", *shown] if len(lines) > LINES else shown)


def _write(directory: Path, sections: list[tuple[str, str]]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for title, text in sections:
        (directory / f"{_slug(title)}.txt").write_text(text + "\n", "utf-8")


def _slug(text: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")
    if len(slug) <= SLUG:
        return slug
    return f"{slug[:SLUG]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
