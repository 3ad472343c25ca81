"""Every option, resolved once: command line > environment > ini file > default, with its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

Source: TypeAlias = Literal["command line", "environment", "ini file", "default"]


class OptionError(ValueError):
    """A value that an option does not take, or options that contradict each other."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option and its three names.

    Attributes:
        parse: Turns text into the value; a ``ValueError`` says what would be right.
        only_for: The stacks that read it; on the command line of another stack it is a contradiction.
    """

    name: str
    flag: str
    environment: str
    parse: Callable[[str], Any]
    default: Any
    help: str
    metavar: str | None = None
    many: bool = False
    switch: bool = False
    only_for: frozenset[str] = frozenset()

    @property
    def ini(self) -> str:
        """Its name in an ini file."""
        return f"plexdev_{self.name}"

    @property
    def dest(self) -> str:
        """Its attribute in pytest's namespace of command line options."""
        return self.ini


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run asks for. ``sources`` says of each option where its value comes from."""

    dev_stack: bool
    stack: Literal["embedded", "kind", "attached"]
    context: str
    namespace: str | None
    overlay: Path | None
    images: Mapping[str, str]
    prefer: Literal["real", "stand-in"]
    kind_image: str | None
    keep: Literal["never", "on-failure", "always"]
    on_drift: Literal["fail", "apply", "ignore"]
    timeout: float
    output: Path
    report: Path | None
    sources: Mapping[str, Source]

    @property
    def chosen_stack(self) -> Literal["embedded", "kind", "attached"] | None:
        """The stack that somebody named; ``None`` where it is the default."""
        return None if self.sources["stack"] == "default" else self.stack


def _choice(*valid: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in valid:
            raise ValueError(f"one of {', '.join(valid)}")
        return text

    return parse


def _truth(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ValueError("1 or 0")
    return known[text.lower()]


def _seconds(text: str) -> float:
    wanted = "a number of seconds above 0"
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(wanted) from None
    if not 0 < seconds < float("inf"):
        raise ValueError(wanted)
    return seconds


def _directory(text: str) -> Path:
    if not Path(text).is_dir():
        raise ValueError("a directory that is there")
    return Path(text)


def _html(text: str) -> Path:
    if Path(text).suffix not in {".html", ".htm"}:
        raise ValueError("a file name that ends in .html")
    return Path(text)


def _images(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.replace(",", " ").split()]
    if not all(name and reference for name, _, reference in pairs):
        raise ValueError("NAME=REF, plexsphere=plexsphere:dev for example")
    return {name: reference for name, _, reference in pairs}


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("a name that is not blank")
    return text


_CLUSTERS: Final = frozenset({"kind", "attached"})

OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        name="dev_stack",
        flag="--dev-stack",
        environment="DEV_STACK",
        parse=_truth,
        default=False,
        switch=True,
        help="use the stack that runs already, never bring one up or tear one down",
    ),
    Option(
        name="stack",
        flag="--plexdev-stack",
        environment="PLEXDEV_STACK",
        parse=_choice("embedded", "kind", "attached"),
        default="embedded",
        metavar="embedded|kind|attached",
        help="which stack: plain processes, a kind cluster, or a namespace of an existing cluster",
    ),
    Option(
        name="context",
        flag="--plexdev-context",
        environment="PLEXDEV_CONTEXT",
        parse=_text,
        default="kind-plexsphere",
        metavar="NAME",
        help="kubectl context",
        only_for=_CLUSTERS,
    ),
    Option(
        name="namespace",
        flag="--plexdev-namespace",
        environment="PLEXDEV_NAMESPACE",
        parse=_text,
        default=None,
        metavar="NAME",
        help="namespace; its default is one per run",
        only_for=_CLUSTERS,
    ),
    Option(
        name="overlay",
        flag="--plexdev-overlay",
        environment="PLEXDEV_OVERLAY",
        parse=_directory,
        default=None,
        metavar="DIR",
        help="kustomize overlay in place of ours",
        only_for=_CLUSTERS,
    ),
    Option(
        name="images",
        flag="--plexdev-image",
        environment="PLEXDEV_IMAGES",
        parse=_images,
        default=MappingProxyType({}),
        many=True,
        metavar="NAME=REF",
        help="image in place of ours (repeatable)",
        only_for=_CLUSTERS,
    ),
    Option(
        name="prefer",
        flag="--plexdev-prefer",
        environment="PLEXDEV_PREFER",
        parse=_choice("real", "stand-in"),
        default="real",
        metavar="real|stand-in",
        help="Dex and SpiceDB: those on PATH, or our stand-ins even where they are there",
    ),
    Option(
        name="kind_image",
        flag="--plexdev-kind-image",
        environment="PLEXDEV_KIND_IMAGE",
        parse=_text,
        default=None,
        metavar="REF",
        help="node image of a fresh kind cluster",
        only_for=frozenset({"kind"}),
    ),
    Option(
        name="keep",
        flag="--plexdev-keep",
        environment="PLEXDEV_KEEP",
        parse=_choice("never", "on-failure", "always"),
        default="never",
        metavar="never|on-failure|always",
        help="leave the fresh stack running after the run",
    ),
    Option(
        name="on_drift",
        flag="--plexdev-on-drift",
        environment="PLEXDEV_ON_DRIFT",
        parse=_choice("fail", "apply", "ignore"),
        default="fail",
        metavar="fail|apply|ignore",
        help="what to do where a running stack has another fingerprint",
    ),
    Option(
        name="timeout",
        flag="--plexdev-timeout",
        environment="PLEXDEV_TIMEOUT",
        parse=_seconds,
        default=300.0,
        metavar="SECONDS",
        help="how long a bring-up may take",
    ),
    Option(
        name="output",
        flag="--plexdev-output",
        environment="PLEXDEV_OUTPUT",
        parse=Path,
        default=Path(".plexdev"),
        metavar="DIR",
        help="where failing tests leave their evidence",
    ),
    Option(
        name="report",
        flag="--plexdev-report",
        environment="PLEXDEV_REPORT",
        parse=_html,
        default=None,
        metavar="FILE.html",
        help="write the timeline of the run",
    ),
)


def resolve(command_line: Mapping[str, Any], environment: Mapping[str, str], ini: Mapping[str, Any]) -> Settings:
    """Resolve every option.

    Args:
        command_line: By :attr:`Option.dest`; ``None`` or absent where the option was not given.
        environment: The environment variables.
        ini: By :attr:`Option.ini`; ``None`` or absent where the file does not say.

    Raises:
        OptionError: The text says which value is wrong, from which source, and what would be right.
    """
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for option in OPTIONS:
        values[option.name], sources[option.name] = _resolve_one(option, command_line, environment, ini)
    settings = Settings(**values, sources=MappingProxyType(sources))
    _refuse_contradictions(settings)
    return settings


def _resolve_one(
    option: Option, command_line: Mapping[str, Any], environment: Mapping[str, str], ini: Mapping[str, Any]
) -> tuple[Any, Source]:
    given: tuple[tuple[Source, str, Any], ...] = (
        ("command line", option.flag, command_line.get(option.dest)),
        # An empty variable is how a shell says "unset" for one command.
        ("environment", option.environment, environment.get(option.environment) or None),
        ("ini file", option.ini, ini.get(option.ini)),
    )
    for source, name, value in given:
        if value is not None:
            return _parse(option, name, value), source
    return option.default, "default"


def _parse(option: Option, name: str, value: Any) -> Any:
    text = " ".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    try:
        return option.parse(text)
    except ValueError as error:
        raise OptionError(f"{name}={text}: must be {error}") from None


def _refuse_contradictions(settings: Settings) -> None:
    if settings.dev_stack and settings.stack == "attached":
        raise OptionError(
            "--dev-stack finds a stack of this machine: with it, --plexdev-stack is embedded or kind, not attached"
        )
    if settings.dev_stack and settings.chosen_stack is None:
        return
    for option in OPTIONS:
        for_others = option.only_for and settings.stack not in option.only_for
        if for_others and settings.sources[option.name] == "command line":
            stacks = " or ".join(f"--plexdev-stack={stack}" for stack in sorted(option.only_for))
            raise OptionError(
                f"{option.flag} needs {stacks}; the stack is {settings.stack} ({settings.sources['stack']})"
            )
