"""Fold lines in the log of a CI job, and annotate it: the notations of GitHub Actions and of GitLab.

A runner reads commands in every line that a job prints. Folded text may come from anywhere, the log of a service for
example, so no line of it is read as a command.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.text import printable


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """An error of a job.

    Attributes:
        title: One line.
        text: Lines.
        file: The file that it concerns, with the line's number from 1; an absolute path.
    """

    title: str
    text: str
    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True)
class Fold:
    """The marks around folded lines, each without the newline at its end."""

    begin: str
    end: str


class CiLog(Protocol):
    """The log of a job."""

    def fold(self, title: str) -> Fold:
        """Return the marks of lines that the page of the log folds under *title*."""

    def within(self, text: str) -> str:
        """Return *text*, for lines that are folded, without marks of its own."""

    def inert(self, text: str) -> str:
        """Return *text*, for lines that are not folded, without anything that a runner reads as a command."""

    def annotation(self, annotation: Annotation, /) -> str:
        """Return the line that annotates the job; empty if the log has no annotations."""


@dataclass(frozen=True)
class GitHubLog:
    """A log of GitHub Actions.

    Attributes:
        workspace: The checkout; annotations name files relative to it.
        new_token: Returns a word that the folded text cannot know.
    """

    workspace: Path | None = None
    new_token: Callable[[], str] = field(default=lambda: secrets.token_hex(16))

    def fold(self, title: str) -> Fold:
        token = self.new_token()
        return Fold(f"::group::{_data(_one_line(title))}\n::stop-commands::{token}", f"::{token}::\n::endgroup::")

    def within(self, text: str) -> str:
        return text  # the runner reads no commands until it reads the token

    def inert(self, text: str) -> str:
        return _COMMAND.sub(r"\1| ::", text).replace("##[", "## [")

    def annotation(self, annotation: Annotation, /) -> str:
        properties = {"title": _one_line(annotation.title)}
        if annotation.file is not None:
            properties |= {"file": str(self._relative(annotation.file))}
            properties |= {"line": str(annotation.line)} if annotation.line is not None else {}
        listed = ",".join(f"{name}={_property(value)}" for name, value in sorted(properties.items()))
        return f"::error {listed}::{_data(printable(annotation.text))}"

    def _relative(self, file: Path) -> Path:
        if self.workspace is None or not file.is_relative_to(self.workspace):
            return file
        return file.relative_to(self.workspace)


@dataclass(frozen=True)
class GitLabLog:
    """A log of GitLab CI."""

    clock: Callable[[], float] = unix_time
    new_token: Callable[[], str] = field(default=lambda: secrets.token_hex(8))

    def fold(self, title: str) -> Fold:
        # The name of a section is unique in the log.
        name, moment = f"plexdev_{self.new_token()}", int(self.clock())
        return Fold(
            f"\x1b[0Ksection_start:{moment}:{name}[collapsed=true]\r\x1b[0K{_one_line(title)}",
            f"\x1b[0Ksection_end:{moment}:{name}\r\x1b[0K",
        )

    def within(self, text: str) -> str:
        # A mark ends with a carriage return.
        return text.replace("\r", "")

    inert = within

    def annotation(self, _: Annotation, /) -> str:
        return ""


_COMMAND: Final = re.compile(r"((?:^|[\r\n])\s*)::")
"""The beginning of a command, which may be indented."""


def find_ci_log(environment: Mapping[str, str] = os.environ) -> CiLog | None:
    """Return the log of the job that runs this process, if one does."""
    if environment.get("GITHUB_ACTIONS") == "true":
        workspace = environment.get("GITHUB_WORKSPACE")
        return GitHubLog(Path(workspace) if workspace else None)
    return GitLabLog() if environment.get("GITLAB_CI") == "true" else None


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
