"""What a failing test leaves behind: readiness, logs, HTTP exchanges; within a budget, and never in the way."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.api.exchanges import mask

if TYPE_CHECKING:
    from pytest_plexdev.run import Moment, Run
    from pytest_plexdev.running import Stack

BYTES: Final = 16_000
"""What one section may hold; the end of a log says more than its beginning."""
LOG_BYTES: Final = 4_000
"""What each service's log may take of that."""
SECONDS: Final = 3.0
"""What all collectors of one failing test may take together."""
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
    sections = list(_collect(run.running, item, replace(since, log_sizes=since.log_sizes or run.first_log_sizes)))
    report.sections += [(f"plexdev {title}", text) for title, text in sections]
    try:
        _write(run.settings.output / _slug(item.nodeid), sections)
    except OSError as error:
        report.sections.append(("plexdev evidence", f"could not be written: {error}"))


def _collect(stack: Stack, item: pytest.Item, since: Moment) -> Iterator[tuple[str, str]]:
    deadline = time.monotonic() + SECONDS
    for title, collector in _collectors(stack, item, since):
        if time.monotonic() > deadline:
            yield title, f"not collected: {SECONDS:g} s were over"
            continue
        yield title, _shorten(_run(collector))


def _run(collector: Collector) -> str:
    try:
        return collector()
    except Exception as error:
        return f"the collector failed: {type(error).__name__}: {error}"


def _collectors(stack: Stack, item: pytest.Item, since: Moment) -> Iterator[tuple[str, Collector]]:
    yield "readiness", lambda: _readiness(stack)
    yield "HTTP exchanges", lambda: _exchanges(stack, since)
    yield "logs", lambda: _logs(stack, since)
    yield "diagnostics", lambda: _diagnostics(stack, item)


def _readiness(stack: Stack) -> str:
    rows = [
        f"{verdict.name:<12} {verdict.state:<8} {' '.join(verdict.reason.splitlines()[:1])}".rstrip()
        for verdict in stack.verdicts()
    ]
    return "\n".join(rows) or "the provider named no service"


def _exchanges(stack: Stack, since: Moment) -> str:
    exchanges = stack.exchanges.since(since.time)
    return "\n".join(str(exchange) for exchange in exchanges) or "no request since the test began"


def _logs(stack: Stack, since: Moment) -> str:
    written = {
        service.name: _written_since(service.log, since) for service in stack.info.services if service.log is not None
    }
    said = [f"{name}:\n{text.rstrip()}" for name, text in written.items() if text]
    quiet = ", ".join(name for name, text in written.items() if not text)
    return "\n".join([*said, f"nothing since the test began: {quiet}"] if quiet else said)


def _written_since(path: Path, since: Moment) -> str:
    if not path.is_file():
        return f"{path} is not there"
    with path.open("rb") as log:
        log.seek(max(since.log_sizes.get(path, 0), path.stat().st_size - LOG_BYTES))
        return mask(log.read().decode("utf-8", "replace"))


def _diagnostics(stack: Stack, item: pytest.Item) -> str:
    answers = item.config.hook.pytest_plexdev_diagnostics(stack=stack, item=item)
    sections = [section for answer in answers for section in answer or []]
    return "\n".join(f"{title}\n{text}" for title, text in sections) or "no plugin gave any"


def _shorten(text: str) -> str:
    return text if len(text) <= BYTES else f"… ({len(text) - BYTES} characters before)\n{text[-BYTES:]}"


def _write(directory: Path, sections: list[tuple[str, str]]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for title, text in sections:
        (directory / f"{_slug(title)}.txt").write_text(text + "\n", "utf-8")


def _slug(text: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")
    if len(slug) <= SLUG:
        return slug
    return f"{slug[:SLUG]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
