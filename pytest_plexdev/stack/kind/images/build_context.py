"""The inputs of our own images: the control plane's package, its pinned packages, Dockerfile and base image."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.stack.kind.images.pins import BASE, read_pins

_PACKAGE: Final = "plexsphere_reference"
_RECIPE: Final = ("Dockerfile", "requirements.txt")
_MADE: Final = "__pycache__"


@dataclass(frozen=True)
class Content:
    """The inputs of a build at one moment, so that hash and context are of the same bytes.

    Attributes:
        base: The base image, with its digest if that is pinned.
        files: Name in the build context and content, sorted by name.
    """

    base: str
    files: tuple[tuple[str, bytes], ...]

    @property
    def hash(self) -> str:
        """SHA-256 of every input, in hex."""
        digest = hashlib.sha256(self.base.encode())
        for name, content in self.files:
            digest.update(f"\0{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()

    def context(self) -> bytes:
        """Write a tar archive for ``docker build -``. The same inputs give the same bytes."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in self.files:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                member.mode = 0o644
                archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()


def read_content(base: str | None = None) -> Content:
    """Read the inputs as they are now, which takes a few milliseconds.

    Args:
        base: The image to build from; by default the pinned one.
    """
    return Content(base or _pinned_base(), tuple((name, path.read_bytes()) for name, path in _inputs()))


def content_hash(base: str | None = None) -> str:
    """Return the hash of the inputs as they are now."""
    return read_content(base).hash


def base_image() -> str:
    """Return the pinned base of our own images."""
    return read_pins()[BASE].reference


def _pinned_base() -> str:
    pin = read_pins()[BASE]
    return f"{pin.reference}@{pin.digest}"


def _inputs() -> Iterator[tuple[str, Path]]:
    """Yield the name in the build context and the file, sorted by name."""
    recipe = deploy_directory() / "images"
    package = _package_directory()
    yield from ((name, recipe / name) for name in _RECIPE)
    yield from ((f"{_PACKAGE}/{path.relative_to(package).as_posix()}", path) for path in sorted(_files(package)))


def _files(directory: Path) -> Iterator[Path]:
    for entry in os.scandir(directory):
        if entry.is_dir():
            if entry.name != _MADE:
                yield from _files(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def _package_directory() -> Path:
    """Find the control plane's package without importing it, which the harness never does."""
    spec = find_spec(_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
