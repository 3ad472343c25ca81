"""Record the node images that this user baked, by image id.

Every user of an engine can give any image any name. So a name counts only with the id that the image had when it was
baked, which a file in this user's cache records; and only recorded images are removed.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from pytest_plexdev.core.paths import cache_room
from pytest_plexdev.core.private_files import read_private, write_private
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.stack.kind.images.local import LocalImages

REPOSITORY: Final = "plexdev-node"
_ROOM: Final = "node-images"
_CONTAINER: Final = "baking"
"""The file with the name of the container in which an image is baked; the other files end in ``.json``."""


class Baked(msgspec.Struct, frozen=True):
    """A baked image: its name, and its id without the algorithm."""

    name: str
    id: str

    def is_in(self, here: LocalImages) -> bool:
        """Whether the engine has this image under this name."""
        return _bare(here.id_of(self.name) or "") == self.id


class Records:
    """The records of what this user baked, in any engine.

    Raises:
        PlexdevError: ``cache-unwritable``, ``untrusted-path``.
    """

    def __init__(self) -> None:
        self._room = cache_room(_ROOM)

    @property
    def lock(self) -> Path:
        """The lock of a baking process of this user."""
        return self._room / "baking.lock"

    def find(self, content: str, here: LocalImages) -> str | None:
        """Find the name of an image with this content that was baked here and that the engine still has."""
        return next((each.name for _, each in self._all(f"{content}-*") if each.is_in(here)), None)

    def keep(self, name: str, identity: str) -> None:
        """Record a baked image."""
        write_private(self._file(name), msgspec.json.encode(Baked(name, _bare(identity))))

    def forget(self, name: str) -> None:
        """Delete the record of an image that was removed."""
        self._file(name).unlink(missing_ok=True)

    def older_than(self, newest: int, here: LocalImages) -> list[str]:
        """List the names of those that the engine has, except the *newest* ones; newer ones first."""
        dated = [(file.stat().st_mtime_ns, each.name) for file, each in self._all("*") if each.is_in(here)]
        return [name for _, name in sorted(dated, reverse=True)[newest:]]

    @property
    def container(self) -> str | None:
        """The container that a killed process of this user left. The lock must be held."""
        with contextlib.suppress(FileNotFoundError):
            return read_private(self._room / _CONTAINER).decode("ascii", "replace")
        return None

    @container.setter
    def container(self, name: str | None) -> None:
        if name is None:
            (self._room / _CONTAINER).unlink(missing_ok=True)
        else:
            write_private(self._room / _CONTAINER, name.encode())

    def _all(self, pattern: str) -> Iterator[tuple[Path, Baked]]:
        for file in self._room.glob(f"{pattern}.json"):
            with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
                yield file, decode_as(read_private(file), Baked)

    def _file(self, name: str) -> Path:
        return self._room / f"{name.partition(':')[2]}.json"


def new_name(content: str) -> str:
    """Choose a name that no other user of the engine has, or can know before the image exists."""
    return f"{REPOSITORY}:{content}-{secrets.token_hex(8)}"


def _bare(identity: str) -> str:
    return identity.removeprefix("sha256:")
