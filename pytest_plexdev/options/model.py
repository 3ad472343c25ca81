"""Data types of an option and of a run's resolved settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Profile

Source: TypeAlias = Literal["command line", "environment", "ini file", "default"]

BRING_UP_SECONDS: Final = 300.0
"""Default time limit of a bring-up."""


class OptionError(ValueError):
    """An invalid value of an option, or a contradiction between options."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)  # each method made costs every start of pytest
class Option:
    """One option and its three names.

    Attributes:
        parse: Turns text into the value. Its ``ValueError`` describes a valid value.
        shown_default: The default as ``--help`` shows it, if that is not the text of ``default``.
        is_path: Whether the value is a path. A relative one is resolved against the invocation directory, or against
            rootdir if an ini file sets it.
        only_for: The providers that read it. On the command line with another provider it is a contradiction.
        brings_up: Whether only a bring-up reads it. On the command line with ``--dev-stack`` it is a contradiction.
        reuses: Whether only a run on a running stack reads it.
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
        """The name of the option in an ini file."""
        return f"plexdev_{self.name}"

    @property
    def dest(self) -> str:
        """The attribute of the option in pytest's namespace."""
        return self.ini

    @property
    def full_help(self) -> str:
        """The help with the default and the option's other two names."""
        default = self.default if self.shown_default is None else self.shown_default
        return f"{self.help} (default: {default}; environment {self.environment}, ini {self.ini})"

    def name_in(self, source: Source) -> str:
        """The name of the option in *source*; ``default`` for a default."""
        names = {"command line": self.flag, "environment": self.environment, "ini file": self.ini}
        return names.get(source, source)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)  # each method made costs every start of pytest
class Settings:
    """The resolved options of a run. ``sources`` has the source of each value."""

    dev_stack: bool
    stack: str
    profile: Profile | None
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
    def chosen_stack(self) -> str | None:
        """The stack that the user chose; ``None`` if it is the default."""
        return None if self.sources["stack"] == "default" else self.stack
