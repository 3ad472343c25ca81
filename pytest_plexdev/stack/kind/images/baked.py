"""The node images that this user baked, by image id.

Every user of an engine can give any image any name there. So a name is believed only with the id that it had when it
was made here, which a file in this user's cache says; and only what such a file says is removed.
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
"""What the container in which an image is baked is called in here; without the suffix of the others."""


class Baked(msgspec.Struct, frozen=True):
    """An image of ours: its name, and its id without the algorithm."""

    name: str
    id: str

    def is_in(self, here: LocalImages) -> bool:
        """Whether the engine has this very image under the name."""
        return _bare(here.id_of(self.name) or "") == self.id


class Records:
    """What this user baked, in whichever engine.

    Raises:
        PlexdevError: ``cache-unwritable``, ``untrusted-path``.
    """

    def __init__(self) -> None:
        self._room = cache_room(_ROOM)

    @property
    def lock(self) -> Path:
        """Locked by whoever bakes for this user."""
        return self._room / "baking.lock"

    def find(self, content: str, here: LocalImages) -> str | None:
        """The name of an image with this content that was baked here, and that the engine still has."""
        return next((each.name for _, each in self._all(f"{content}-*") if each.is_in(here)), None)

    def keep(self, name: str, identity: str) -> None:
        """Note what was baked."""
        write_private(self._file(name), msgspec.json.encode(Baked(name, _bare(identity))))

    def forget(self, name: str) -> None:
        """It was removed."""
        self._file(name).unlink(missing_ok=True)

    def older_than(self, newest: int, here: LocalImages) -> list[str]:
        """The names of those that the engine has, but for the *newest* ones, newer ones first."""
        dated = [(file.stat().st_mtime_ns, each.name) for file, each in self._all("*") if each.is_in(here)]
        return [name for _, name in sorted(dated, reverse=True)[newest:]]

    @property
    def container(self) -> str | None:
        """The container that a killed process of this user left; the lock must be held."""
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
    """A name that no other user of the engine has, nor knows before the image is there."""
    return f"{REPOSITORY}:{content}-{secrets.token_hex(8)}"


def _bare(identity: str) -> str:
    return identity.removeprefix("sha256:")
