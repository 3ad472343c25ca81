"""``/v1/artifacts/plexd``: the releases of plexd that the control plane has indexed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport

__tracebackhide__ = hides_its_frames

_PATH = "/v1/artifacts/plexd"


class PlexdBuild(msgspec.Struct, frozen=True, kw_only=True):
    """The build for one architecture. ``checksum`` is its SHA-256 in lowercase hexadecimal."""

    architecture: str
    checksum: str


class PlexdRelease(msgspec.Struct, frozen=True, kw_only=True):
    """One release. ``support_status`` is supported, deprecated or withdrawn, ``verdict`` verified or unverified.

    Only the index has the two times, if the control plane records them.
    """

    version: str
    support_status: str
    verdict: str
    architectures: list[PlexdBuild]
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None

    @property
    def checksums(self) -> Mapping[str, str]:
        """The checksum of each build, by its architecture."""
        return {build.architecture: build.checksum for build in self.architectures}


class Artifacts:
    """The index of plexd releases, which a reader of the platform sees."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[PlexdRelease]:
        """Iterate over the releases."""
        return self._transport.pages(_PATH, PlexdRelease)

    def get(self, version: str) -> PlexdRelease:
        """Read a release. The API answers 404 ``release_not_found`` also if the caller may not read it."""
        return self._transport.request("GET", f"{_PATH}/{_segment(version)}", PlexdRelease)

    def bundle(self, version: str) -> bytes:
        """Read the Sigstore bundle of a release, byte for byte."""
        return self._transport.binary("GET", f"{_PATH}/{_segment(version)}/sigstore").content


def _segment(version: str) -> str:
    return quote(version, safe="")
