"""Read plexd releases from the bucket. A release whose record cannot be read is not indexed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from plexsphere_reference.artifacts.blob_store import BlobStore, ObjectTooLarge
from plexsphere_reference.artifacts.layout import (
    LARGEST_BUNDLE,
    LARGEST_RECORD,
    RELEASES,
    Release,
    bundle_key,
    is_version,
    read_record,
    record_key,
)
from plexsphere_reference.log import log
from plexsphere_reference.untrusted_json import Unreadable

_BATCH: Final = 50


async def find(store: BlobStore, version: str) -> Release | None:
    """Return the record of a release; None if there is none that can be read.

    Raises:
        BlobStoreUnavailable: The bucket cannot be read.
    """
    key = record_key(version)
    content = await _content(store, key, LARGEST_RECORD) if is_version(version) else None
    if content is None:
        return None
    try:
        return read_record(version, content)
    except Unreadable as error:
        _warn(key, error)
        return None


async def bundle(store: BlobStore, version: str) -> bytes | None:
    """Return the Sigstore bundle of an indexed release, as it is stored; None if there is none.

    Raises:
        BlobStoreUnavailable: The bucket cannot be read.
    """
    if await find(store, version) is None:
        return None
    return await _content(store, bundle_key(version), LARGEST_BUNDLE)


async def page(store: BlobStore, *, after: str | None, most: int) -> Sequence[Release]:
    """Return at most *most* records in the order of their versions as text, from the first version behind *after*.

    Raises:
        BlobStoreUnavailable: The bucket cannot be read.
    """
    # Sorted here: S3 orders keys with the slash behind a version, SeaweedFS orders the versions themselves.
    versions = sorted(each for each in await store.directories(RELEASES) if is_version(each))
    rest = [each for each in versions if after is None or each > after]
    found: list[Release] = []
    for start in range(0, len(rest), _BATCH):
        if len(found) >= most:
            break
        records = await asyncio.gather(*(find(store, each) for each in rest[start : start + _BATCH]))
        found += [each for each in records if each is not None]
    return found[:most]


async def _content(store: BlobStore, key: str, limit: int) -> bytes | None:
    try:
        return await store.read(key, limit=limit)
    except ObjectTooLarge as error:
        _warn(key, error)
        return None


def _warn(key: str, error: Exception) -> None:
    log("WARN", "an object of the artifact bucket is left out", key=key, reason=error)
