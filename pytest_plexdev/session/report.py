"""Render the header before the run and the summary after it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pytest_plexdev.options import OPTIONS, Option, Settings, is_read, source_of
from pytest_plexdev.options.table import STACKS

if TYPE_CHECKING:
    import pytest

    from pytest_plexdev.core.model import Service, StackInfo
    from pytest_plexdev.core.provider_parts import Texts
    from pytest_plexdev.session.run import Run

_DIRECTORIES: Final = 5
"""Maximum number of evidence directories that the summary lists."""


def header(settings: Settings) -> str:
    """Return the header: the stack that the run uses, and the options with their sources. Contacts nothing."""
    if settings.dev_stack:
        from pytest_plexdev.stack.providers import PROVIDERS

        names = settings.chosen_stack or " or ".join(PROVIDERS)
        how = f"the running stack ({names}), by {source_of('dev_stack', settings)}; never started or stopped"
    else:
        how = f"{settings.stack} stack ({source_of('stack', settings)}), started when a test requests it"
    return "; ".join([f"plexdev: {how}", _parts(settings), *_other_options(settings)])


def unknown_variables(environment: Iterable[str]) -> Iterator[str]:
    """See :func:`pytest_plexdev.options.environment.unknown_variable_warnings`."""
    named = [name for name in environment if name.startswith("PLEXDEV_")]
    if not named:
        return
    from pytest_plexdev.options.environment import unknown_variable_warnings

    yield from unknown_variable_warnings(named)


def _parts(settings: Settings) -> str:
    prefer = next(option for option in OPTIONS if option.name == "prefer")
    if settings.stack in prefer.only_for:
        if settings.dev_stack:
            return "Dex and SpiceDB of that stack"
        if settings.prefer == "stand-in":
            return f"stand-ins for Dex and SpiceDB ({source_of('prefer', settings)})"
    return STACKS[settings.stack]


def _other_options(settings: Settings) -> Iterator[str]:
    given = [option for option in OPTIONS if settings.sources[option.name] != "default"]
    for option in given:
        if option.name not in {"dev_stack", "stack", "prefer"} and is_read(option, settings):
            yield _format_option(settings, option)
    # Reported only: on the command line it is an error, but variables and ini files may be meant for other runs.
    unread = [_format_option(settings, option) for option in given if not is_read(option, settings)]
    if unread:
        yield f"not for this stack: {', '.join(unread)}"


def _format_option(settings: Settings, option: Option) -> str:
    from pytest_plexdev.masking.rule import mask

    return mask(
        f"{option.name.replace('_', '-')}={getattr(settings, option.name)} ({source_of(option.name, settings)})"
    )


def summary(run: Run, info: StackInfo, *, evidence: Sequence[str], page: str | None) -> Iterator[str]:
    """Yield the lines of the summary: what ran, for how long, what is left, and how to use a warm stack next time.

    Args:
        run: The run.
        info: Its stack.
        evidence: The evidence directories of failing tests.
        page: The report of the run, or how to get it; ``None`` if it has no events.
    """
    from pytest_plexdev.masking.rule import mask
    from pytest_plexdev.stack.providers import provider_for

    yield mask(f"{info.provider} stack {info.id} at {info.endpoints.api}{_attached(run)}")
    texts = provider_for(info.provider).texts
    if location := texts.location(info):
        yield f"  {location}"
    yield from _remarks(run)
    yield f"  ran: {', '.join(_name(service) for service in info.services if service.stands_in_for is None)}"
    if control_plane := texts.control_plane(info):
        yield f"  control plane: {control_plane}"
    stand_ins = [_name(service) for service in info.services if service.stands_in_for is not None]
    if stand_ins:
        yield f"  stand-ins: {', '.join(stand_ins)}"
    if info.left_out:
        yield f"  left out: {', '.join(info.left_out)}"
    if info.phases and not run.settings.dev_stack:  # a warm stack was brought up before the run
        yield f"  seconds: {', '.join(f'{phase.name} {phase.seconds:.2f}' for phase in info.phases)}"
    yield from (f"  evidence: {directory}" for directory in evidence[:_DIRECTORIES])
    if len(evidence) > _DIRECTORIES:
        yield f"  evidence: of {len(evidence) - _DIRECTORIES} more tests in {run.output.shown(run.settings.output)}"
    if page is not None:
        yield f"  report: {page}"
    yield from _next_steps(run, info, texts)


def brief_summary(run: Run, info: StackInfo, *, page: str | None) -> Iterator[str]:
    """Yield the summary of a run without failures: one line, and what the user has to know or to do.

    Args:
        page: See :func:`summary`.
    """
    from pytest_plexdev.masking.rule import mask
    from pytest_plexdev.stack.providers import provider_for

    texts = provider_for(info.provider).texts
    parts = [f"plexdev: {info.provider} stack {_how(run, info)}"]
    if stand_ins := _short_stand_ins(info):
        parts.append(f"stand-ins: {', '.join(stand_ins)}")
    if control_plane := texts.control_plane(info):
        parts.append(f"control plane: {control_plane}")
    yield mask("; ".join(parts))
    yield from _remarks(run)
    if page is not None and run.settings.report is not None:
        yield f"  report: {page}"
    if run.keeps and not run.settings.dev_stack:
        yield from _next_steps(run, info, texts)


def _how(run: Run, info: StackInfo) -> str:
    if run.settings.dev_stack:
        return f"{info.id}{_attached(run)}"
    return f"in {max((phase.began + phase.seconds for phase in info.phases), default=0.0):.1f} s"


def _short_stand_ins(info: StackInfo) -> list[str]:
    """The shortest name of the services that stand in for the same product."""
    names: dict[str, str] = {}
    for service in info.services:
        if service.stands_in_for is not None:
            known = names.setdefault(service.stands_in_for, service.name)
            names[service.stands_in_for] = min(known, service.name, key=len)
    return [*names.values()]


def _remarks(run: Run) -> Iterator[str]:
    from pytest_plexdev.masking.rule import mask

    if run.notes.drift:
        yield f"  drift (ignored): {', '.join(run.notes.drift)}"
    if run.notes.passed_over:
        yield mask(f"  passed over: {run.notes.passed_over}")


def _attached(run: Run) -> str:
    if not run.settings.dev_stack or run.running is None:
        return ""
    return f", attached in {run.running.attached_in * 1000:.0f} ms"


def _name(service: Service) -> str:
    if service.stands_in_for is None:
        return f"{service.name} {service.version}".strip()
    return f"{service.name} ({service.version}) for {service.stands_in_for}"


def _next_steps(run: Run, info: StackInfo, texts: Texts) -> Iterator[str]:
    if run.settings.dev_stack:
        yield f"  the stack is left running; {texts.how_to_end(info)}"
    elif run.keeps:
        directory = shlex.quote(str(info.directory))
        yield f"  kept (--plexdev-keep={run.settings.keep}): stop it with: plexdev down --directory {directory}"
    else:
        from pytest_plexdev.stack.providers import up_command

        yield f"  warm next time: {up_command(info.provider)}, then pytest --dev-stack …"


def add_junit_properties(config: pytest.Config, info: StackInfo) -> None:
    """Add the properties of the stack to pytest's JUnit XML, if it writes one."""
    for plugin in config.pluginmanager.get_plugins():
        # pytest's plugin itself: the fixture `record_testsuite_property` does not work for a stack of the workers.
        if type(plugin).__module__ == "_pytest.junitxml":
            write_junit_properties(plugin.add_global_property, info)


def write_junit_properties(add_property: Callable[[str, str], None], info: StackInfo) -> None:
    """Add the properties of the stack, as properties of the test suite."""
    from pytest_plexdev.masking.rule import mask

    add_property("plexdev.stack", info.provider)
    add_property("plexdev.stack.id", info.id)
    add_property("plexdev.api_url", mask(info.endpoints.api))


def write_summary(
    reporter: pytest.TerminalReporter, run: Run, info: StackInfo, *, passed: bool, page: str | None
) -> None:
    """Write plexdev's part of the terminal summary: a section if the run failed or with ``-v``, else a line.

    Args:
        passed: Whether the run passed.
        page: See :func:`summary`.
    """
    from pytest_plexdev.core.text import printable

    if passed and reporter.verbosity <= 0:
        for line in brief_summary(run, info, page=page):
            reporter.line(printable(line))
        return
    reporter.section("plexdev", sep="-")
    kept = filter(None, (getattr(each, "plexdev_evidence", None) for each in _failures(reporter)))
    evidence = list(dict.fromkeys(kept))  # a test that fails in call and teardown has one folder
    for line in summary(run, info, evidence=evidence, page=page):
        # In the C.UTF-8 locale Python writes a lone surrogate as a raw byte, which makes the log invalid UTF-8.
        reporter.line(printable(line))


def _failures(reporter: pytest.TerminalReporter) -> Iterator[object]:
    for outcome in ("failed", "error"):
        yield from reporter.stats.get(outcome, [])
