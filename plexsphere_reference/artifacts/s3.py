"""Connect to the S3 bucket of the artifacts. minio is imported when the first connection is made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from minio import Minio

VARIABLES: Final = (
    "PLEXSPHERE_S3_URL",
    "PLEXSPHERE_S3_ACCESS_KEY",
    "PLEXSPHERE_S3_SECRET_KEY",
    "PLEXSPHERE_S3_BUCKET",
)
REGION: Final = "us-east-1"
"""The region that requests are signed for. Naming it saves a request for the bucket's, which SeaweedFS has none of."""
CONNECT_TIMEOUT_S: Final = 1.0
READ_TIMEOUT_S: Final = 2.0


class BlobStoreUnavailable(Exception):
    """The server does not answer, refuses the credentials, or has no such bucket; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket and the credentials for it. The repr does not include the secret key."""

    url: str
    name: str
    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self | None:
        """Parse the variables; None if one is missing.

        Raises:
            ValueError: The URL is not ``http(s)://HOST[:PORT]``.
        """
        values = [environment.get(name, "") for name in VARIABLES]
        if not all(values):
            return None
        url, access_key, secret_key, name = values
        if not _is_origin(url):
            raise ValueError("PLEXSPHERE_S3_URL takes http://HOST:PORT or https://HOST:PORT")
        return cls(url=url.rstrip("/"), name=name, access_key=access_key, secret_key=secret_key)


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    has_more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not has_more


def connect(bucket: Bucket, *, connections: int) -> Minio:
    """Create a client, without sending anything.

    Args:
        connections: The number of connections to keep open.
    """
    import urllib3
    from minio import Minio

    parts = urlsplit(bucket.url)
    return Minio(
        parts.netloc,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        secure=parts.scheme == "https",
        region=REGION,
        http_client=urllib3.PoolManager(
            maxsize=connections,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            # Once more if the server closed a connection that was idle. No redirects, which would be signed anew.
            retries=urllib3.Retry(total=1, redirect=0, status=0),
        ),
    )


def code_of(error: Exception) -> str | None:
    """Return the code of an S3 error response, such as ``NoSuchKey``; None for any other error."""
    from minio.error import S3Error

    return error.code if isinstance(error, S3Error) else None


@contextlib.contextmanager
def as_unavailable() -> Iterator[None]:
    """Convert every error of the client and of the connection to :class:`BlobStoreUnavailable`."""
    from minio.error import MinioException
    from urllib3.exceptions import HTTPError

    try:
        yield
    # ValueError: among others an answer that is no XML, or no HTTP.
    except (MinioException, HTTPError, OSError, ValueError, SyntaxError) as error:
        code = code_of(error)
        reason = f"S3 answers {code}" if code else f"{type(error).__name__}: {error}"
        raise BlobStoreUnavailable(reason) from error
