"""Command line > environment > ini file > default: each option is resolved once, with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pytest_plexdev.options.model import Option, OptionError, Settings, Source
from pytest_plexdev.options.table import OPTIONS, STACKS


def resolve(
    command_line: Mapping[str, Any],
    environment: Mapping[str, str],
    ini: Mapping[str, Any],
    *,
    invocation_directory: Path | None = None,
    root_directory: Path | None = None,
) -> Settings:
    """Resolve every option.

    Args:
        command_line: Values by :attr:`Option.dest`; ``None`` or absent if the option was not given.
        environment: The environment variables.
        ini: Values by :attr:`Option.ini`; ``None`` or absent if the file does not set the option.
        invocation_directory: Base of relative paths of the command line and the environment; ``None``: they stay
            relative.
        root_directory: Base of relative paths of the ini file and of defaults.

    Raises:
        OptionError: A value is invalid, or two options contradict each other. The text names the value, its source
            and what would be valid.
    """
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for option in OPTIONS:
        values[option.name], sources[option.name] = _resolve_one(
            option, command_line, environment, ini, (invocation_directory, root_directory)
        )
    settings = Settings(**values, sources=MappingProxyType(sources))
    _refuse_contradictions(settings)
    return settings


def is_read(option: Option, settings: Settings) -> bool:
    """Whether a run with these settings reads *option*."""
    if option.brings_up and settings.dev_stack:
        return False
    if option.reuses and not settings.dev_stack:
        return False
    return not option.only_for or bool(option.only_for & _possible(settings))


def source_of(name: str, settings: Settings) -> str:
    """How the source of an option's value is called there: its flag, its variable or its ini name."""
    option = next(option for option in OPTIONS if option.name == name)
    return option.name_in(settings.sources[name])


def _resolve_one(
    option: Option,
    command_line: Mapping[str, Any],
    environment: Mapping[str, str],
    ini: Mapping[str, Any],
    directories: tuple[Path | None, Path | None],
) -> tuple[Any, Source]:
    invocation, root = directories
    given: tuple[tuple[Source, Path | None, Any], ...] = (
        ("command line", invocation, command_line.get(option.dest)),
        # An empty variable is how a shell says "unset" for one command.
        ("environment", invocation, environment.get(option.environment) or None),
        ("ini file", root, ini.get(option.ini)),
    )
    for source, directory, value in given:
        if value is not None:
            return _parse(option, source, value, directory), source
    return _below(root, option.default) if option.is_path else option.default, "default"


def _parse(option: Option, source: Source, value: Any, directory: Path | None) -> Any:
    given = " ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    # An empty path stays empty, and is refused: joined, it would be the base directory.
    text = str(_below(directory, Path(given))) if option.is_path and given.strip() else given
    try:
        return option.parse(text)
    except ValueError as error:
        raise OptionError(f"{option.name_in(source)}={given}: must be {error} (source: {source})") from None


def _below(directory: Path | None, path: Path | None) -> Path | None:
    return path if directory is None or path is None else directory / path


def _refuse_contradictions(settings: Settings) -> None:
    typed = [option for option in OPTIONS if settings.sources[option.name] == "command line"]
    _refuse_what_only_a_bring_up_reads(settings, typed)
    _refuse_what_only_a_running_stack_is_asked(settings, typed)
    _refuse_what_only_others_read(settings, typed)


def _refuse_what_only_a_bring_up_reads(settings: Settings, typed: Sequence[Option]) -> None:
    for option in typed:
        if settings.dev_stack and option.brings_up:
            raise OptionError(
                f"{option.flag} is for a stack that the run starts; this run uses a running stack"
                f" (--dev-stack, {settings.sources['dev_stack']}), which `plexdev up` starts and `plexdev down` stops"
            )


def _refuse_what_only_a_running_stack_is_asked(settings: Settings, typed: Sequence[Option]) -> None:
    for option in typed:
        if option.reuses and not settings.dev_stack:
            raise OptionError(f"{option.flag} is for a running stack: use it with --dev-stack")


def _refuse_what_only_others_read(settings: Settings, typed: Sequence[Option]) -> None:
    unknown = _is_unknown(settings)
    for option in typed:
        if option.only_for and not option.only_for & _possible(settings):
            stacks = " or ".join(f"--plexdev-stack={stack}" for stack in sorted(option.only_for))
            what = "a running one" if unknown else settings.stack
            source = settings.sources["dev_stack" if unknown else "stack"]
            raise OptionError(f"{option.flag} needs {stacks}; the stack is {what} ({source})")


def _possible(settings: Settings) -> set[str]:
    return {*STACKS} if _is_unknown(settings) else {settings.stack}


def _is_unknown(settings: Settings) -> bool:
    # With --dev-stack, discovery finds out later which provider the running stack has.
    return settings.dev_stack and settings.chosen_stack is None
