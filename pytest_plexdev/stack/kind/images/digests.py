"""Record the digests of the pins after a pull, and compare them from then on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pytest_plexdev.core.atomic_write import write_atomic
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import IMAGE_CHANGED, IMAGE_MISSING
from pytest_plexdev.stack.kind.images.local import LocalImages, local_images, pull
from pytest_plexdev.stack.kind.images.pins import Pin, pins_file, read_pins

_PULLS_AT_ONCE: Final = 6


@dataclass(frozen=True)
class DigestResult:
    """The comparison of one pin with the engine's image.

    Attributes:
        state: ``same``: the engine has the pinned digest; ``recorded``: it was written now; ``differs``;
            ``unpinned``: only the engine has a digest; ``no-digest``: the engine's image came from no registry;
            ``absent``: the engine has no image of that name.
        digest: The engine's digest.
    """

    pin: Pin
    state: Literal["same", "recorded", "differs", "unpinned", "no-digest", "absent"]
    digest: str | None = None


def lock(path: Path | None = None) -> list[DigestResult]:
    """Pull every pin and write its digest into the file, without other changes.

    An image that cannot be pulled keeps its digest.

    Raises:
        PlexdevError: Docker cannot be used.
    """
    path = path or pins_file()
    pins = list(read_pins(path).values())
    with ThreadPoolExecutor(max_workers=_PULLS_AT_ONCE) as threads:
        pulled = dict(zip(pins, threads.map(_can_pull, pins), strict=True))
    here = local_images()
    looked = [_look(pin, here) for pin in pins]
    new = {one.pin.name: one.digest for one in looked if pulled[one.pin] and one.digest and one.state != "same"}
    if new:
        write_atomic(
            path, _with_digests(path.read_text(encoding="utf-8"), new).encode(), mode=path.stat().st_mode & 0o777
        )
    return [DigestResult(one.pin, "recorded", one.digest) if one.pin.name in new else one for one in looked]


def verify(path: Path | None = None) -> list[DigestResult]:
    """Compare the pins with the engine's images, without a pull.

    Raises:
        PlexdevError: Docker cannot be used.
    """
    here = local_images()
    return [_look(pin, here) for pin in read_pins(path).values()]


def refuse_changed(pins: Mapping[str, Pin], here: LocalImages) -> None:
    """Raise ``image-changed`` for the first image whose digest differs from the pinned one."""
    for pin in pins.values():
        if _look(pin, here).state == "differs":
            raise PlexdevError(
                IMAGE_CHANGED, reference=pin.reference, found=here.digest_of(pin.reference), pinned=pin.digest
            )


def _look(pin: Pin, here: LocalImages) -> DigestResult:
    if here.id_of(pin.reference) is None:
        return DigestResult(pin, "absent")
    digest = here.digest_of(pin.reference)
    if digest is None:
        return DigestResult(pin, "no-digest")
    if pin.digest is None:
        return DigestResult(pin, "unpinned", digest)
    return DigestResult(pin, "same" if pin.digest == digest else "differs", digest)


def _can_pull(pin: Pin) -> bool:
    try:
        pull(pin.reference)
    except PlexdevError as error:
        if error.failure is not IMAGE_MISSING:
            raise
        return False
    return True


def _with_digests(text: str, digests: Mapping[str, str | None]) -> str:
    name = ""
    lines = []
    for line in text.splitlines(keepends=True):
        if header := re.match(r"\s*\[images\.([^\]]+)\]", line):
            name = header.group(1).strip("\"' ")
        if name in digests and re.match(r"\s*digest\s*=", line):
            line = re.sub(r'"[^"]*"', f'"{digests[name]}"', line, count=1)
        lines.append(line)
    return "".join(lines)
