"""Read objects of the bucket without blocking the event loop."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from plexsphere_reference.artifacts.daemon_threads import DaemonThreads
from plexsphere_reference.artifacts.s3 import BlobStoreUnavailable, Bucket, as_unavailable, code_of, connect

if TYPE_CHECKING:
    from minio import Minio

Result = TypeVar("Result")

_AT_ONCE: Final = 8
_CALL_TAKES_S: Final = 5.0
_MOST_NAMES: Final = 10_000


class ObjectTooLarge(Exception):
    """An object is larger than its reader accepts."""


class BlobStore:
    """Reads one bucket. Every method raises BlobStoreUnavailable if it gets no answer within 5 s."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._threads = DaemonThreads(_AT_ONCE)

    async def probe(self) -> None:
        """Check that the server accepts the credentials and has the bucket."""

        def exists(client: Minio) -> bool:
            return client.bucket_exists(self._bucket.name)

        if not await self._call(exists):
            raise BlobStoreUnavailable(f"there is no bucket {self._bucket.name}")

    async def read(self, key: str, *, limit: int) -> bytes | None:
        """Return the content of an object; None if there is none of this key.

        Args:
            limit: Maximum size in bytes.

        Raises:
            ObjectTooLarge: The object is larger.
        """

        def content(client: Minio) -> bytes | None:
            try:
                response = client.get_object(self._bucket.name, key)
            except Exception as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
            with response:
                # As it is stored: an object may claim a Content-Encoding, and inflate to any size.
                return response.read(limit + 1, decode_content=False)

        found = await self._call(content)
        if found is not None and len(found) > limit:
            raise ObjectTooLarge(f"it has more than {limit} bytes")
        return found

    async def directories(self, prefix: str) -> list[str]:
        """Return the names between *prefix* and the next slash, of the first 10,000 entries."""

        def names(client: Minio) -> list[str]:
            found = itertools.islice(client.list_objects(self._bucket.name, prefix=prefix), _MOST_NAMES)
            return [str(each.object_name).removeprefix(prefix).removesuffix("/") for each in found if each.is_dir]

        return await self._call(names)

    async def _call(self, call: Callable[[Minio], Result]) -> Result:
        def translated() -> Result:
            with as_unavailable():
                return call(self._client)

        try:
            async with asyncio.timeout(_CALL_TAKES_S):
                return await self._threads.run(translated)
        except TimeoutError as error:
            raise BlobStoreUnavailable(f"no answer within {_CALL_TAKES_S:g} s") from error

    @functools.cached_property
    def _client(self) -> Minio:
        return connect(self._bucket, connections=_AT_ONCE)
