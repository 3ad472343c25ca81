"""plexd releases that a test puts into the plane's bucket."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

from minio import Minio

from plexsphere_reference.artifacts.s3 import Bucket, connect
from tests.support.control_plane import unique

CHECKSUM: Final = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"


def record(version: str, /, **members: object) -> dict[str, Any]:
    """The record of a release; a member that is ``...`` is left out."""
    whole = {
        "version": version,
        "support_status": "supported",
        "verdict": "verified",
        "architectures": [{"architecture": "amd64", "checksum": CHECKSUM}],
        **members,
    }
    return {name: value for name, value in whole.items() if value is not ...}


class Releases:
    """Puts objects into the bucket, and removes them again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        bucket = Bucket.read(environment)
        assert bucket is not None
        self._bucket = bucket.name
        self._client: Minio = connect(bucket, connections=1)
        self._keys: list[str] = []

    def put(self, key: str, content: bytes, **metadata: Any) -> None:
        self._client.put_object(self._bucket, key, io.BytesIO(content), len(content), metadata=metadata or None)
        self._keys.append(key)

    def get(self, key: str) -> bytes:
        with self._client.get_object(self._bucket, key) as response:
            return response.read()

    def add(self, content: bytes | None = None, **members: object) -> str:
        """Put a release with a version of its own, whose record is *content* or has these members."""
        version = unique("9.0.0")
        whole = content if content is not None else json.dumps(record(version, **members)).encode()
        self.put(f"plexd/{version}/release.json", whole)
        return version

    def remove(self) -> None:
        for key in self._keys:
            self._client.remove_object(self._bucket, key)
