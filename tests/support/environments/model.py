"""Define an environment, run the golden flow in it, and check the result."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.checkout import ROOT

SECCOMP: Final = str(ROOT / "tests" / "support" / "seccomp.py")
_TIMEOUT_S: Final = 300
_EVERYBODY_MAY_ENTER: Final = 0o001


@dataclass(frozen=True)
class Place:
    """The directories of one run, below a short path that every user may enter."""

    root: Path
    cache: Path

    @property
    def project(self) -> Path:
        """The working directory of pytest."""
        return self.root / "project"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    def make(self) -> None:
        for directory in (self.project, self.home, self.temporary):
            directory.mkdir()
        (self.project / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", "utf-8")

    def chown(self, user: int) -> None:
        """Make *user* the owner of everything in it."""
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)


@dataclass(frozen=True)
class Passes:
    """The golden flow: nine steps, exit status 0."""

    def check(self, run: subprocess.CompletedProcess[str]) -> None:
        assert (run.returncode, outcomes(run.stdout)) == (0, {"passed": 9, "deselected": 1}), describe(run)


@dataclass(frozen=True)
class Refused:
    """The error of the catalogue with this tag, reported once, and nothing else.

    Attributes:
        text: What its text must contain.
    """

    tag: str
    text: str = ""

    def check(self, run: subprocess.CompletedProcess[str]) -> None:
        assert (run.returncode, outcomes(run.stdout)) == (1, {"skipped": 8, "deselected": 1, "error": 1}), describe(run)
        assert re.findall(r"^(?:E +)?plexdev\[(.+?)\]", run.stdout, re.MULTILINE) == [self.tag], describe(run)
        assert self.text in run.stdout, describe(run)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One row of the table.

    Attributes:
        variables: Added to a minimal environment; ``None`` unsets a variable. ``{place}`` is the row's directory.
        files: Written into the project's root.
        prepare: Creates further files or directories.
        options: Command-line options of pytest.
        wrapper: Words in front of the command (``env``, ``prlimit``, a script that execs its arguments).
        mounts: Shell lines that run as root in a separate mount namespace, before the switch to *user*. The row is
            skipped if the tests do not run as root.
        user: The id to run as; skipped likewise.
        expected: The expected result.
        nightly: Too slow for ``make test-runs``.
    """

    name: str
    variables: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Place], None] | None = None
    options: Sequence[str] = ()
    wrapper: Sequence[str] = ()
    mounts: Sequence[str] = ()
    user: int | None = None
    expected: Passes | Refused = Passes()
    nightly: bool = False

    @property
    def needs_root(self) -> bool:
        return bool(self.mounts) or self.user is not None

    def run(self, place: Place) -> subprocess.CompletedProcess[str]:
        """Run the golden flow in it, as in a user's own project."""
        place.make()
        for name, text in self.files.items():
            (place.project / name).write_text(text, "utf-8")
        if self.prepare is not None:
            self.prepare(place)
        if self.user is not None:
            place.chown(self.user)
        return subprocess.run(
            [*self._prefix(place), *self.wrapper, *_PYTEST, *self.options],
            cwd=place.project,
            env=self._environment(place),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )

    def _environment(self, place: Place) -> dict[str, str]:
        wanted = {**_bare(place), **self.variables}
        return {name: value.replace("{place}", str(place.root)) for name, value in wanted.items() if value is not None}

    def _prefix(self, place: Place) -> list[str]:
        if not self.needs_root:
            return []
        lines = [*self.mounts, *(_make_traversable() if self.user is not None else ()), *_share_cache(place, self.user)]
        become = f"setpriv --reuid {self.user} --regid {self.user} --clear-groups --" if self.user is not None else ""
        script = "\n".join([*lines, f'exec {become} "$@"'])
        return ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh"]


_PYTEST: Final = (
    str(Path(sys.executable).with_name("pytest")),
    "--pyargs",
    "pytest_plexdev.golden",
    "-p",
    "no:cacheprovider",
)


def _bare(place: Place) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(place.home),
        "TMPDIR": str(place.temporary),
        "KUBECONFIG": str(place.root / "no-kubeconfig"),
        "DOCKER_HOST": f"unix://{place.root}/no-docker.sock",
        "PLEXDEV_CACHE_DIR": str(place.cache),
        "PLEXDEV_STATE_DIR": str(place.root / "state"),
    }


def _share_cache(place: Place, user: int | None) -> Iterator[str]:
    """Mount the session's cache at a path that another user can reach."""
    if user is None:
        return
    os.chown(place.cache, user, user)
    yield f"mkdir {place.root}/cache"
    yield f"mount --bind {place.cache} {place.root}/cache"
    yield f"export PLEXDEV_CACHE_DIR=${{PLEXDEV_CACHE_DIR:+{place.root}/cache}}"


def _make_traversable() -> Iterator[str]:
    """Replace directories that only this user can enter by mounts that contain only the needed paths."""
    needed = {ROOT, Path(sys.prefix), Path(sys.base_prefix), Path(os.path.realpath(sys.base_prefix))}
    for closed in {closed for path in needed if (closed := _closed_ancestor(path))}:
        inside = [path for path in needed if closed in path.parents]
        for number, path in enumerate(inside):
            yield f"mkdir -p /tmp/.open.$$/{number}; mount --bind {path} /tmp/.open.$$/{number}"
        yield f"mount -t tmpfs -o mode=755 none {closed}"
        for number, path in enumerate(inside):
            yield f"mkdir -p {path}; mount --move /tmp/.open.$$/{number} {path}; rmdir /tmp/.open.$$/{number}"
        yield "rmdir /tmp/.open.$$"


def _closed_ancestor(path: Path) -> Path | None:
    return next((p for p in reversed(path.parents) if not p.stat().st_mode & _EVERYBODY_MAY_ENTER), None)


def outcomes(output: str) -> dict[str, int]:
    """The numbers of pytest's last line: ``{"passed": 9}``."""
    last = next((line for line in reversed(output.splitlines()) if re.search(r" in [\d.]+s", line)), "")
    return {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|skipped|deselected)", last)}


def describe(run: subprocess.CompletedProcess[str]) -> str:
    return f"exit status {run.returncode}\n{run.stdout}"
