"""The terminal's header before the run and the summary after it."""

from __future__ import annotations

import html
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.options import OPTIONS, Option, Settings, is_read

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Phase, Service, StackInfo
    from pytest_plexdev.session.run import Run

_DIRECTORIES: Final = 5
"""How many tests' evidence the summary names one by one."""
REFERENCE_ONLY: Final = "age-heartbeat"
"""What the reference control plane lets a test do, and the product does not."""
_WIDTH: Final = 40.0
"""Of the timeline, in em."""
_MARK: Final = "<!doctype html><meta charset=utf-8><title>plexdev: "
"""How a report begins, and no other page."""


def header(settings: Settings) -> str:
    """Mode, source of the choice, and what is configured. It asks nobody."""
    if settings.dev_stack:
        wanted = settings.chosen_stack or "kind or embedded"
        how = f"the running stack ({wanted}), by {_source(settings, 'dev_stack')}; never started or stopped"
    else:
        how = f"{settings.stack} stack ({_source(settings, 'stack')}), started when a test requests it"
    return "; ".join([f"plexdev: {how}", _parts(settings), *_others(settings)])


def unknown_variables(environment: Iterable[str]) -> Iterator[str]:
    """See :func:`pytest_plexdev.options.environment.unknown_variable_warnings`."""
    named = [name for name in environment if name.startswith("PLEXDEV_")]
    if not named:
        return
    from pytest_plexdev.options.environment import unknown_variable_warnings

    yield from unknown_variable_warnings(named)


def _source(settings: Settings, name: str) -> str:
    option = next(option for option in OPTIONS if option.name == name)
    return option.name_in(settings.sources[name])


def _parts(settings: Settings) -> str:
    if settings.stack == "kind":
        return "every service in its container, no stand-ins"
    if settings.dev_stack:
        return "Dex and SpiceDB as it has them"
    if settings.prefer == "stand-in":
        return f"stand-ins for Dex and SpiceDB ({_source(settings, 'prefer')})"
    return "Dex and SpiceDB from PATH, else stand-ins"


def _others(settings: Settings) -> Iterator[str]:
    given = [option for option in OPTIONS if settings.sources[option.name] != "default"]
    for option in given:
        if option.name not in {"dev_stack", "stack", "prefer"} and is_read(option, settings):
            yield _given(settings, option)
    # On the command line it is refused; elsewhere it may stand for other runs, or its author may believe in it.
    unread = [_given(settings, option) for option in given if not is_read(option, settings)]
    if unread:
        yield f"not for this stack: {', '.join(unread)}"


def _given(settings: Settings, option: Option) -> str:
    from pytest_plexdev.masking.rule import mask

    return mask(f"{option.name.replace('_', '-')}={getattr(settings, option.name)} ({_source(settings, option.name)})")


def summary(run: Run, info: StackInfo, *, evidence: Sequence[str], timeline: str | None) -> Iterator[str]:
    """What really ran, how long it took, what is left, and how to run again on a warm stack.

    Args:
        run: The run.
        info: Its stack.
        evidence: The directories that failing tests left.
        timeline: What :func:`write_timeline` answered, where there is a report to write.
    """
    from pytest_plexdev.masking.rule import mask

    yield mask(f"{info.provider} stack {info.id} at {info.endpoints.api}{_attached(run)}")
    yield from _whose(info)
    if run.drift:
        yield f"  drift: it has another {', another '.join(run.drift)} than this checkout (let pass)"
    if run.passed_over:
        yield mask(f"  passed over: {run.passed_over}")
    yield f"  ran: {', '.join(_name(service) for service in info.services if service.stands_in_for is None)}"
    if info.cluster is not None and REFERENCE_ONLY in info.capabilities:
        yield "  control plane: plexsphere_reference, in the place of the product's own images"
    stand_ins = [_name(service) for service in info.services if service.stands_in_for is not None]
    if stand_ins:
        yield f"  stand-ins: {', '.join(stand_ins)}"
    if info.left_out:
        yield f"  left out: {', '.join(info.left_out)}"
    if info.phases and not run.settings.dev_stack:  # whoever runs on a warm stack spent none of them
        yield f"  seconds: {', '.join(f'{phase.name} {phase.seconds:.2f}' for phase in info.phases)}"
    yield from (f"  evidence: {directory}" for directory in evidence[:_DIRECTORIES])
    if len(evidence) > _DIRECTORIES:
        yield f"  evidence: of {len(evidence) - _DIRECTORIES} more tests in {run.output.shown(run.settings.output)}"
    if timeline is not None:
        yield f"  timeline: {timeline}"
    yield from _afterwards(run, info)


def _whose(info: StackInfo) -> Iterator[str]:
    if info.cluster is None:
        return
    where = f"cluster {info.cluster.context}, namespace {info.cluster.namespace}"
    if info.cluster.owned:
        yield f"  {where}"
    else:
        yield f"  {where}: not made by plexdev, so nothing was applied to it"


def _attached(run: Run) -> str:
    if not run.settings.dev_stack or run.running is None:
        return ""
    return f", attached in {run.running.attached_in * 1000:.0f} ms"


def _name(service: Service) -> str:
    if service.stands_in_for is None:
        return f"{service.name} {service.version}".strip()
    return f"{service.name} ({service.version}) for {service.stands_in_for}"


def _afterwards(run: Run, info: StackInfo) -> Iterator[str]:
    if run.settings.dev_stack:
        yield f"  the stack is left running; {_how_to_end(info)}"
    elif run.keeps:
        directory = shlex.quote(str(info.directory))
        yield f"  kept (--plexdev-keep={run.settings.keep}): end it with: plexdev down --directory {directory}"
    else:
        up = "plexdev up" if info.cluster is None else "plexdev up --stack kind"
        yield f"  warm next time: {up}, then pytest --dev-stack …"


def _how_to_end(info: StackInfo) -> str:
    if info.cluster is None:
        return "end it with: plexdev down --stack embedded"
    return "end it with: plexdev down --stack kind" if info.cluster.owned else "plexdev did not make its cluster"


def write_junit_properties(add_property: Callable[[str, str], None], info: StackInfo) -> None:
    """Say which stack the tests ran on, as properties of their suite."""
    add_property("plexdev.stack", info.provider)
    add_property("plexdev.stack.id", info.id)
    from pytest_plexdev.masking.rule import mask

    add_property("plexdev.api_url", mask(info.endpoints.api))


def write_timeline(path: Path, info: StackInfo, *, shown: Callable[[Path], str] = str) -> str:
    """Write the phases of the bring-up as a page that needs nothing else.

    Args:
        shown: Renders a path for people.

    Returns:
        Where it is, or why it is nowhere: a green run stays green.
    """
    try:
        # A directory for reports may be new; where the one around it is not there either, the path is a slip.
        path.parent.mkdir(exist_ok=True)
        if _is_of_others(path):
            return f"not written to {shown(path)}: the existing file is not a report of plexdev"
        path.write_text(_page(info), "utf-8", "backslashreplace")
    except OSError as error:
        return f"not written to {shown(path)}: {error.strerror or error}"
    return shown(path)


def _is_of_others(path: Path) -> bool:
    """Whether another file would be lost: one with content that does not begin as a report does."""
    if not path.is_file():
        return False  # a pipe or /dev/stdout, say
    with path.open("rb") as file:
        return not _MARK.encode().startswith(file.read(len(_MARK)))


def _page(info: StackInfo) -> str:
    whole = max((phase.began + phase.seconds for phase in info.phases), default=0.0) or 1.0
    in_order = sorted(info.phases, key=lambda phase: (phase.began, -phase.seconds))
    rows = "\n".join(_row(phase, em_per_second=_WIDTH / whole) for phase in in_order)
    title = html.escape(f"{info.provider} stack {info.id}")
    head = f"{_MARK}{title}</title><h1>plexdev: {title}</h1>"
    return f"{head}\n<table>\n<tr><th>phase<th>began<th>took<th>\n{rows}\n</table>\n"


def _row(phase: Phase, *, em_per_second: float) -> str:
    place = f"margin-left:{phase.began * em_per_second:.2f}em;width:{phase.seconds * em_per_second:.2f}em"
    return (
        f"<tr><td>{html.escape(phase.name)}<td>{phase.began:.3f} s<td>{phase.seconds:.3f} s"
        f'<td><div style="background:#48c;height:1em;{place}"></div>'
    )
