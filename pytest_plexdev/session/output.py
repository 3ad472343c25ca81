"""The output directory: one marked folder per failing test and per failed bring-up.

Only files that a mark lists are ever removed or replaced: the directory may be one that the user keeps other files in.
A folder of ours is this user's alone, for logs and exchanges are in it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.text import printable
from pytest_plexdev.core.untrusted_json import decode_file

MARK: Final = ".plexdev.json"
"""In each of our folders: what it is for, and the files that we wrote there."""
IGNORE: Final = ".gitignore"
BRING_UP: Final = "bring-up"
"""Name of the folder that a failed bring-up leaves its logs in."""
SLUG: Final = 120
"""Characters of a test's id that its folder's name keeps where it cannot have all of it."""
LOG_BYTES: Final = 1_000_000
"""What is kept of a log, from its end."""
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_LONGEST: Final = 200
"""Bytes of a name that is taken as it is; file systems take 255."""
_PLAIN: Final = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*\.py(::[a-z0-9_]+)+")
"""Ids of which no two become the same name, on a file system that takes upper case for lower case either."""


@dataclass(frozen=True)
class Output:
    """The output directory of a run.

    Attributes:
        directory: Its path; it comes into being with the first folder.
        invocation_directory: Where pytest was started: messages show paths below it as relative ones.
    """

    directory: Path
    invocation_directory: Path | None = None

    def shown(self, path: Path) -> str:
        """A path for messages."""
        start = self.invocation_directory
        return printable(str(path.relative_to(start) if start is not None and path.is_relative_to(start) else path))

    def folder(self, owner: str, name: str) -> Path:
        """Where the files of *owner* are or would be: at *name*, or beside it where somebody else's files are there."""
        return next(path for path in self._places(name) if _is_free(path) or _owner_of(path) == owner)

    def write(self, owner: str, name: str, files: Mapping[str, bytes]) -> Path:
        """Write the files of *owner*, in place of those that were written for it before.

        Returns:
            Their folder.

        Raises:
            OSError: They cannot be written.
        """
        self._remove(self.folder(owner, name), owner)
        # Another one, if the user has put files there: they stay, and this is theirs now.
        folder = self.folder(owner, name)
        self._make_directory()
        _make_private(folder)
        files = {**files, IGNORE: b"*\n"}
        # The mark first: whatever happens, what was written can be removed.
        _write_new(folder / MARK, json.dumps({"for": owner, "files": [*files]}, indent=2).encode("ascii"))
        for file, content in files.items():
            _write_new(folder / file, content)
        return folder

    def remove(self, owner: str, name: str) -> None:
        """Remove what was written for *owner*, if anything was."""
        self._remove(self.folder(owner, name), owner)

    def _remove(self, folder: Path, owner: str) -> None:
        mark = _read_mark(folder)
        if mark is None or mark[0] != owner:
            return
        with contextlib.suppress(OSError):
            for file in mark[1]:
                (folder / file).unlink(missing_ok=True)
            (folder / MARK).unlink()
            folder.rmdir()  # unless somebody has put other files there

    def _places(self, name: str) -> Iterator[Path]:
        yield self.directory / name
        for number in itertools.count(2):
            yield self.directory / f"{name}--{number}"

    def _make_directory(self) -> None:
        if self.directory.exists() and not self.directory.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.directory))
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _make_private(self.directory)
        if all(_owner_of(path) is not None for path in self.directory.iterdir()):
            with contextlib.suppress(FileExistsError):  # another worker's
                _write_new(self.directory / IGNORE, b"*\n")


def folder_name(test: str) -> str:
    """The name of a test's folder: readable, and of no other test, whatever its id is.

    Args:
        test: Its node id.
    """
    if len(test) <= _LONGEST and _PLAIN.fullmatch(test):
        return re.sub(r"::|/", "-", test)
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", test).strip("-.")[:SLUG].rstrip("-.")
    # Two dashes are in no plain name: none ends as one with a hash does.
    return f"{slug}--{hashlib.sha256(test.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def read_end(log: Path, known: Collection[str] = ()) -> bytes:
    """The last :data:`LOG_BYTES` of a log, without secrets.

    Args:
        known: Values that are secrets wherever they stand.

    Raises:
        OSError: It cannot be read.
    """
    from pytest_plexdev.masking.rule import mask, without_cut_word

    with log.open("rb") as file:
        cut = max(0, log.stat().st_size - LOG_BYTES)
        file.seek(cut)
        text = file.read().decode("utf-8", "replace")
    return mask(without_cut_word(text) if cut else text, known).encode()


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=_DIRECTORY_MODE)
    directory.chmod(_DIRECTORY_MODE)  # what the umask took from it


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there, not even as a link to somewhere."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, _FILE_MODE)  # what the umask took from it
        file.write(content)


def _is_free(path: Path) -> bool:
    return not os.path.lexists(path)


def _owner_of(folder: Path) -> str | None:
    mark = _read_mark(folder)
    return mark[0] if mark is not None else None


def _read_mark(folder: Path) -> tuple[str, list[str]] | None:
    """Whose folder it is, and the names of the files there that we wrote; ``None`` where it is none of ours."""
    try:
        if folder.is_symlink():
            return None
        said = decode_file((folder / MARK).read_bytes())
        owner, files = said["for"], said["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(owner, str) or not isinstance(files, list):
        return None
    return owner, [file for file in files if isinstance(file, str) and Path(file).name == file]
