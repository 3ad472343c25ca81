"""``seed-artifacts``: make the bucket and put the seeded releases into it, each object only where it is missing."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import tenacity

from plexsphere_reference.artifacts.fixture_releases import objects
from plexsphere_reference.artifacts.s3 import (
    VARIABLES,
    BlobStoreUnavailable,
    Bucket,
    as_unavailable,
    code_of,
    connect,
)
from plexsphere_reference.log import log
from plexsphere_reference.settings import SettingsError

if TYPE_CHECKING:
    from minio import Minio

TIMEOUT_S: Final = 60.0
_PAUSE_S: Final = 0.1
_REFUSED: Final = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_THERE_ALREADY: Final = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
_ABSENT: Final = ("NoSuchKey", "NoSuchObject")


class CredentialsRefused(Exception):
    """The server answers, and will not take these credentials later either."""


def main(environment: Mapping[str, str]) -> int:
    """Seed, and return the exit code.

    Raises:
        SettingsError: A variable is missing or invalid.
    """
    bucket = _bucket(environment)
    try:
        written = seed(bucket, objects(), timeout_s=TIMEOUT_S)
    except (BlobStoreUnavailable, CredentialsRefused) as error:
        log("ERROR", "artifacts not seeded", url=bucket.url, bucket=bucket.name, reason=error)
        return 1
    log("INFO", "artifacts seeded", url=bucket.url, bucket=bucket.name, written=written)
    return 0


def _bucket(environment: Mapping[str, str]) -> Bucket:
    try:
        bucket = Bucket.read(environment)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if bucket is None:
        missing = [name for name in VARIABLES if not environment.get(name)]
        raise SettingsError(f"{', '.join(missing)} must be set")
    return bucket


def seed(bucket: Bucket, content: Sequence[tuple[str, bytes]], *, timeout_s: float) -> int:
    """Make the bucket and put each missing object into it. Returns the number of objects that were missing.

    Args:
        content: Key and content of each object, in the order in which they are put.
        timeout_s: For how many seconds to wait for the server.

    Raises:
        BlobStoreUnavailable: The server did not take everything in time.
        CredentialsRefused: It refuses the credentials.
    """
    # S3 has nothing to watch: the server is there once it answers.
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(BlobStoreUnavailable),
        stop=tenacity.stop_after_delay(timeout_s),
        wait=tenacity.wait_fixed(_PAUSE_S),
        reraise=True,
    )
    return attempts(_attempt, connect(bucket, connections=1), bucket.name, content)


def _attempt(client: Minio, bucket: str, content: Sequence[tuple[str, bytes]]) -> int:
    try:
        with as_unavailable():
            return _put_missing(client, bucket, content)
    except BlobStoreUnavailable as error:
        if isinstance(error.__cause__, Exception) and code_of(error.__cause__) in _REFUSED:
            raise CredentialsRefused(str(error)) from error
        raise


def _put_missing(client: Minio, bucket: str, content: Sequence[tuple[str, bytes]]) -> int:
    _make_bucket(client, bucket)
    missing = [(key, each) for key, each in content if not _is_there(client, bucket, key)]
    for key, each in missing:
        client.put_object(bucket, key, io.BytesIO(each), len(each))
    return len(missing)


def _make_bucket(client: Minio, bucket: str) -> None:
    try:
        client.make_bucket(bucket)
    except Exception as error:
        if code_of(error) not in _THERE_ALREADY:
            raise


def _is_there(client: Minio, bucket: str, key: str) -> bool:
    try:
        client.stat_object(bucket, key)
    except Exception as error:
        if code_of(error) in _ABSENT:
            return False
        raise
    return True
