"""The layout of the bucket, and the record of a release. What a bucket contains is untrusted.

Below ``plexd/<version>/`` lie ``release.json`` (:class:`Release`), ``bundle.sigstore.json`` (the Sigstore bundle, which
may be absent) and the binaries, ``plexd-linux-<architecture>``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

from plexsphere_reference.untrusted_json import Unreadable, decode

RELEASES: Final = "plexd/"
LARGEST_RECORD: Final = 256 * 1024
"""Maximum size in bytes of a ``release.json``."""
LARGEST_BUNDLE: Final = 4 * 1024 * 1024
"""Maximum size in bytes of a Sigstore bundle; one of Sigstore's own has some 10 KiB."""
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_MOST_BUILDS: Final = 64


class Build(msgspec.Struct, frozen=True):
    """The build of a release for one architecture."""

    architecture: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    checksum: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    """SHA-256 of the binary, in lowercase hexadecimal."""


class Release(msgspec.Struct, frozen=True, omit_defaults=True):
    """The record of one release (schemas PlexdArtifact and PlexdArtifactRef)."""

    version: str
    support_status: Literal["supported", "deprecated", "withdrawn"]
    verdict: Literal["verified", "unverified"]
    architectures: Annotated[list[Build], msgspec.Meta(min_length=1, max_length=_MOST_BUILDS)]
    created_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    updated_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


def is_version(text: str) -> bool:
    """Return whether a text can be the name of a release, which is a segment of its objects' keys."""
    return _VERSION.fullmatch(text) is not None


def record_key(version: str) -> str:
    return f"{RELEASES}{version}/release.json"


def bundle_key(version: str) -> str:
    return f"{RELEASES}{version}/bundle.sigstore.json"


def binary_key(version: str, architecture: str) -> str:
    return f"{RELEASES}{version}/plexd-linux-{architecture}"


def read_record(version: str, content: bytes) -> Release:
    """Decode the ``release.json`` of *version*.

    Raises:
        Unreadable: It is no record of this version, or two builds have the same architecture.
    """
    release = decode(content, Release)
    if release.version != version:
        raise Unreadable(f"it is the record of {release.version[:128]!r}")
    if len({each.architecture for each in release.architectures}) != len(release.architectures):
        raise Unreadable("two builds have the same architecture")
    try:
        return msgspec.structs.replace(
            release, created_at=_as_utc(release.created_at), updated_at=_as_utc(release.updated_at)
        )
    except OverflowError as error:
        raise Unreadable("a time is outside of the calendar in UTC") from error


def _as_utc(moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(UTC)
