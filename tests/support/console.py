"""Find the console blocks of the documentation, and run their commands as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sybil import Document
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

from tests.support.checkout import ROOT, copy_checkout

PAGES: Final = tuple(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(ROOT.glob("docs/*/*.md")))
)
_INFO: Final = re.compile(r"(?P<language>\w*)(?: +title=\"(?P<title>[^\"]+)\")?[ \t]*\n")
_WITH_A_CLUSTER: Final = re.compile(
    r"make (dev|e2e|dev-down|docker-build|test-cluster)\b|--stack kind|--plexdev-stack=kind|\b(kubectl|kind|docker) "
)
_ABOUT_A_CLUSTER: Final = ("docs/how-to/kind.md", "docs/how-to/dev-stack.md")
_STAMPS: Final = (".embedded", ".kind", ".dev")
"""Files that mark a complete installation for ``make``."""
_TIMEOUT: Final = 300.0


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: commands with their output, or a file if it has a title."""

    place: str
    language: str
    title: str | None
    text: str

    @property
    def commands(self) -> list[Command]:
        """The commands, each with the output shown below it."""
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        return [Command(self.place, *_typed_and_shown(part)) for part in parts]

    @property
    def needs_cluster(self) -> bool:
        """Whether the page is about a cluster, or one of the commands needs Docker and kind."""
        return self.place.startswith(_ABOUT_A_CLUSTER) or any(
            _WITH_A_CLUSTER.search(command.typed) for command in self.commands
        )


@dataclass(frozen=True)
class Command:
    """A command without its comment, and the output that the page shows."""

    place: str
    typed: str
    shown: str

    def is_as_shown(self, printed: str) -> bool:
        """Whether *printed* matches the shown output. ``…`` matches any text in a line, or any lines if it is alone."""
        lines = re.sub(r"=====+", "=====…", self.shown).splitlines()  # as many as the width leaves
        pattern = "".join(
            r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n"
            for line in lines
        )
        return re.fullmatch(pattern, f"{printed.rstrip()}\n" if printed else "") is not None

    @property
    def shows_a_failure(self) -> bool:
        """Whether the shown output is a failure: a summary of pytest with failures, or a tagged error."""
        return " failed" in self.shown or "plexdev[" in self.shown


def _typed_and_shown(part: str) -> tuple[str, str]:
    lines = part.splitlines(keepends=True)
    count = 1
    while lines[count - 1].endswith("\\\n"):
        count += 1
    typed = "".join(lines[:count])
    return re.sub(r"\s+#.*", "", typed).strip(), "".join(lines[count:])


def blocks_of(page: str) -> Iterator[Block]:
    """The console blocks and files of a page, in order."""
    document = Document((ROOT / page).read_text(encoding="utf-8"), page)
    for region in RawFencedCodeBlockLexer(_INFO)(document):
        found = region.lexemes
        if found["language"] == "console" or found["title"]:
            line = document.text.count("\n", 0, region.start) + 1
            text = str(found["source"])
            yield Block(place=f"{page}:{line}", language=found["language"], title=found["title"], text=text)


class Session:
    """A reader who follows one page, in a clone of the repository.

    The working directory and the environment persist between commands. The real user's files are not used.

    Args:
        directory: For the clone, a home and the state of plexdev.
        variables: Additional environment variables.
    """

    def __init__(self, directory: Path, variables: Mapping[str, str]) -> None:
        self._directory = directory
        self._clone = directory / "pytest-plexdev"
        self._working_directory = str(self._clone)
        self._variables = directory / "variables"
        home = directory / "home"
        home.mkdir()
        self._environment = {
            "PATH": os.pathsep.join(filter(_has_no_server, os.environ["PATH"].split(os.pathsep))),
            "HOME": str(home),
            "COLUMNS": "80",
            "LANG": "C.UTF-8",
            "PLEXDEV_STATE_DIR": str(directory / "state"),
            **variables,
        }
        self._variables.write_text("", encoding="utf-8")
        copy_checkout(self._clone)
        _link_environment(self._clone)

    def write(self, name: str, text: str) -> None:
        """Write a file of the page, named by its title."""
        path = Path(self._working_directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, typed: str) -> tuple[int, str]:
        """Run a command. Returns its exit code and its output, from both streams."""
        kept, place = shlex.quote(str(self._variables)), shlex.quote(str(self._directory / "working-directory"))
        script = f". {kept}\n{typed}\nstatus=$?; pwd >{place}; export -p >{kept}; exit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._working_directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        self._working_directory = (self._directory / "working-directory").read_text(encoding="utf-8").strip()
        return done.returncode, done.stdout

    def link_environment(self) -> None:
        """Link ``.venv`` of the working directory to the environment of this test, instead of creating a new one."""
        _link_environment(Path(self._working_directory))


def _has_no_server(directory: str) -> bool:
    """Exclude directories with a real Dex or SpiceDB from PATH, because the pages show stand-ins."""
    return not any(Path(directory, name).exists() for name in ("dex", "spicedb"))


def _link_environment(project: Path) -> None:
    environment = project / ".venv"
    environment.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (environment / name).symlink_to(Path(sys.prefix) / name)
    for name in _STAMPS:
        (environment / name).touch()
