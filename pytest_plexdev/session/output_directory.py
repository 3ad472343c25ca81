"""The output directory: one marked folder per failing test and per failed bring-up, and the events of the last run.

Only files that are listed in a mark are removed or replaced, because the user may have other files in the directory.
The folders are private to this user, because they contain logs and HTTP exchanges.
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
"""Name of the file in each folder that lists its owner and the files that were written."""
IGNORE: Final = ".gitignore"
EVENTS: Final = "events.jsonl"
"""Name of the file with the events of the last run."""
BRING_UP: Final = "bring-up"
"""Name of the folder with the logs of a failed bring-up."""
SLUG: Final = 120
"""Maximum number of characters of a test's id in a folder name with a hash."""
LOG_BYTES: Final = 1_000_000
"""Number of bytes that are kept of a log, from its end."""
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_PLAIN_ID_LENGTH: Final = 200
"""Maximum length of an id that is used without a hash; file systems allow 255 bytes."""
_PLAIN_ID: Final = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*\.py(::[a-z0-9_]+)+")
"""Ids that cannot have the same folder name, even on a case-insensitive file system."""


@dataclass(frozen=True)
class Output:
    """The output directory of a run.

    Attributes:
        directory: Its path. It is created with the first folder.
        invocation_directory: The directory in which pytest was started; messages show paths relative to it.
    """

    directory: Path
    invocation_directory: Path | None = None

    def shown(self, path: Path) -> str:
        """Format a path for messages."""
        start = self.invocation_directory
        return printable(str(path.relative_to(start) if start is not None and path.is_relative_to(start) else path))

    def folder(self, owner: str, name: str) -> Path:
        """Return the folder of *owner*, whether it exists or not: *name*, or with a number if that is taken."""
        return next(path for path in self._candidates(name) if _is_free(path) or _owner_of(path) == owner)

    def write(self, owner: str, name: str, files: Mapping[str, bytes]) -> Path:
        """Write the files of *owner*. They replace the files that were written for it before.

        Returns:
            Their folder.

        Raises:
            OSError: They cannot be written.
        """
        self._remove(self.folder(owner, name), owner)
        # If the user has added files to the old folder, they are kept and a new folder is used.
        folder = self.folder(owner, name)
        self._make_directory()
        _make_private(folder)
        files = {**files, IGNORE: b"*\n"}
        # The mark is written first, so that an incomplete folder can be removed too.
        _write_new(folder / MARK, json.dumps({"for": owner, "files": [*files]}, indent=2).encode("ascii"))
        for file, content in files.items():
            _write_new(folder / file, content)
        return folder

    def remove(self, owner: str, name: str) -> None:
        """Remove the files that were written for *owner*, if there are any."""
        self._remove(self.folder(owner, name), owner)

    def write_events(self, content: bytes) -> Path:
        """Write the file with the events of the run, which replaces that of an earlier run.

        Raises:
            OSError: It cannot be written; ``FileExistsError`` if the file is not one of plexdev.
        """
        from pytest_plexdev.core.private_files import write_private
        from pytest_plexdev.report import event_file

        file = self.directory / EVENTS
        if not event_file.is_ours(file):
            raise FileExistsError(errno.EEXIST, "the existing file has no events of plexdev", str(file))
        self._make_directory()
        write_private(file, content)
        return file

    def _remove(self, folder: Path, owner: str) -> None:
        mark = _read_mark(folder)
        if mark is None or mark[0] != owner:
            return
        with contextlib.suppress(OSError):
            for file in mark[1]:
                (folder / file).unlink(missing_ok=True)
            (folder / MARK).unlink()
            folder.rmdir()  # fails if the user has added files

    def _candidates(self, name: str) -> Iterator[Path]:
        yield self.directory / name
        for number in itertools.count(2):
            yield self.directory / f"{name}--{number}"

    def _make_directory(self) -> None:
        if self.directory.exists() and not self.directory.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.directory))
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _make_private(self.directory)
        if all(path.name == EVENTS or _owner_of(path) is not None for path in self.directory.iterdir()):
            with contextlib.suppress(FileExistsError):  # another worker has written it
                _write_new(self.directory / IGNORE, b"*\n")


def folder_name(test: str) -> str:
    """Return the name of a test's folder: readable, and unique for any node id.

    Args:
        test: The node id.
    """
    if len(test) <= _PLAIN_ID_LENGTH and _PLAIN_ID.fullmatch(test):
        return re.sub(r"::|/", "-", test)
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", test).strip("-.")[:SLUG].rstrip("-.")
    # Names of plain ids have no double dash, so none equals a name with a hash.
    return f"{slug}--{hashlib.sha256(test.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def read_end(log: Path, known: Collection[str] = ()) -> bytes:
    """Return the last :data:`LOG_BYTES` of a log with secrets masked.

    Args:
        known: Values that are masked wherever they occur.

    Raises:
        OSError: The log cannot be read.
    """
    from pytest_plexdev.masking.rule import mask, without_cut_word

    with log.open("rb") as file:
        cut = max(0, log.stat().st_size - LOG_BYTES)
        file.seek(cut)
        text = file.read().decode("utf-8", "replace")
    return mask(without_cut_word(text) if cut else text, known).encode()


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=_DIRECTORY_MODE)
    directory.chmod(_DIRECTORY_MODE)  # the umask may have removed bits


def _write_new(path: Path, content: bytes) -> None:
    """Create a file. It must not exist, not even as a symbolic link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, _FILE_MODE)  # the umask may have removed bits
        file.write(content)


def _is_free(path: Path) -> bool:
    return not os.path.lexists(path)


def _owner_of(folder: Path) -> str | None:
    mark = _read_mark(folder)
    return mark[0] if mark is not None else None


def _read_mark(folder: Path) -> tuple[str, list[str]] | None:
    """The owner of a folder and the names of the files that were written; ``None`` if it has no valid mark."""
    try:
        if folder.is_symlink():
            return None
        mark = decode_file((folder / MARK).read_bytes())
        owner, files = mark["for"], mark["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(owner, str) or not isinstance(files, list):
        return None
    return owner, [file for file in files if isinstance(file, str) and Path(file).name == file]
