"""Data types of an option and of a run's resolved settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

Source: TypeAlias = Literal["command line", "environment", "ini file", "default"]

BRING_UP_SECONDS: Final = 300.0
"""How long a bring-up may take where nobody says anything else."""


class OptionError(ValueError):
    """A value that an option does not take, or options that contradict each other."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)  # each method made costs every start of pytest
class Option:
    """One option and its three names.

    Attributes:
        parse: Turns text into the value; a ``ValueError`` says what would be right.
        shown_default: The default as ``--help`` shows it, where that is not the text of ``default``.
        is_path: A relative path counts from the invocation directory, or from rootdir if an ini file has it.
        only_for: The stacks that read it; on the command line of another stack it is a contradiction.
        brings_up: Only a bring-up reads it; on the command line of a run on a running stack it is a contradiction.
        reuses: The other way round: only a run on a running stack reads it.
    """

    name: str
    flag: str
    environment: str
    parse: Callable[[str], Any]
    default: Any
    help: str
    shown_default: str | None = None
    is_path: bool = False
    metavar: str | None = None
    many: bool = False
    switch: bool = False
    only_for: frozenset[str] = frozenset()
    brings_up: bool = False
    reuses: bool = False

    @property
    def ini(self) -> str:
        """Its name in an ini file."""
        return f"plexdev_{self.name}"

    @property
    def dest(self) -> str:
        """Its attribute in pytest's namespace of command line options."""
        return self.ini

    @property
    def full_help(self) -> str:
        """Its help with its default and its other two names."""
        default = self.default if self.shown_default is None else self.shown_default
        return f"{self.help} (default: {default}; environment {self.environment}, ini {self.ini})"

    def name_in(self, source: Source) -> str:
        """What a person called it there; for a default, which nobody called anything, the word itself."""
        names = {"command line": self.flag, "environment": self.environment, "ini file": self.ini}
        return names.get(source, source)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)  # each method made costs every start of pytest
class Settings:
    """What a run asks for. ``sources`` says of each option where its value comes from."""

    dev_stack: bool
    stack: Literal["embedded", "kind"]
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
    def chosen_stack(self) -> Literal["embedded", "kind"] | None:
        """The stack that somebody named; ``None`` where it is the default."""
        return None if self.sources["stack"] == "default" else self.stack
