"""What the terminal says: one line before the run, and what really ran after it."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_plexdev.options import OPTIONS, Settings

if TYPE_CHECKING:
    from pytest_plexdev.run import Run
    from pytest_plexdev.stack.model import Service, StackInfo


def header(settings: Settings) -> str:
    """Mode, source of the choice, and what is configured. It asks nobody."""
    if settings.dev_stack:
        wanted = settings.chosen_stack or "kind or embedded"
        how = f"the running stack ({wanted}), by {_source(settings, 'dev_stack')}; never brought up, never torn down"
    else:
        how = f"{settings.stack} stack ({_source(settings, 'stack')}), brought up when a test asks for it"
    return "; ".join([f"plexdev: {how}", _parts(settings), *_others(settings)])


def _source(settings: Settings, name: str) -> str:
    source = settings.sources[name]
    option = next(option for option in OPTIONS if option.name == name)
    names = {"command line": option.flag, "environment": option.environment, "ini file": option.ini}
    return names.get(source, source)


def _parts(settings: Settings) -> str:
    if settings.prefer == "stand-in":
        return f"stand-ins for Dex and SpiceDB ({_source(settings, 'prefer')})"
    return "Dex and SpiceDB from PATH, else stand-ins"


def _others(settings: Settings) -> Iterator[str]:
    for option in OPTIONS:
        if option.name not in {"dev_stack", "stack", "prefer"} and settings.sources[option.name] != "default":
            yield f"{option.name.replace('_', '-')}={getattr(settings, option.name)} ({_source(settings, option.name)})"


def summary(run: Run, info: StackInfo) -> Iterator[str]:
    """What really ran, how long it took, what is left, and how to run again on a warm stack."""
    yield f"{info.provider} stack {info.id} at {info.endpoints.api}{_attached(run)}"
    yield f"  ran: {', '.join(_name(service) for service in info.services if service.stands_in_for is None)}"
    stand_ins = [_name(service) for service in info.services if service.stands_in_for is not None]
    if stand_ins:
        yield f"  stand-ins: {', '.join(stand_ins)}"
    if info.left_out:
        yield f"  left out: {', '.join(info.left_out)}"
    if info.phases:
        yield f"  seconds: {', '.join(f'{phase.name} {phase.seconds:.2f}' for phase in info.phases)}"
    if run.failed and _has_evidence(run.settings.output):
        yield f"  evidence: {run.settings.output}"
    if run.settings.report is not None:
        write_timeline(run.settings.report, info)
        yield f"  timeline: {run.settings.report}"
    yield from _afterwards(run, info)


def _attached(run: Run) -> str:
    if not run.settings.dev_stack or run.running is None:
        return ""
    return f", attached in {run.running.attached_in * 1000:.0f} ms"


def _name(service: Service) -> str:
    if service.stands_in_for is None:
        return f"{service.name} {service.version}".strip()
    return f"{service.name} ({service.version}) for {service.stands_in_for}"


def _has_evidence(output: Path) -> bool:
    return output.is_dir() and any(output.iterdir())


def _afterwards(run: Run, info: StackInfo) -> Iterator[str]:
    if run.settings.dev_stack:
        yield "  the stack is left running; end it with: plexdev down"
    elif run.keeps:
        yield f"  kept (--plexdev-keep={run.settings.keep}): end it with: plexdev down --directory {info.directory}"
    else:
        yield "  warm next time: plexdev up, then pytest --dev-stack …"


def write_timeline(path: Path, info: StackInfo) -> None:
    """Write the phases of the bring-up as a page that needs nothing else."""
    longest = max((phase.seconds for phase in info.phases), default=0.0) or 1.0
    rows = "\n".join(
        f"<tr><td>{html.escape(phase.name)}<td>{phase.seconds:.3f} s"
        f'<td><div style="background:#48c;height:1em;width:{phase.seconds / longest * 30:.2f}em"></div>'
        for phase in info.phases
    )
    title = f"plexdev: {info.provider} stack {info.id}"
    page = f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title><h1>{html.escape(title)}</h1>"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{page}\n<table>\n{rows}\n</table>\n", "utf-8")
