"""An S3 bucket of the test's own in the stack's SeaweedFS."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, urlsplit

from pytest_plexdev.core.extras import need
from pytest_plexdev.core.text import abbreviated
from pytest_plexdev.core.unique_slugs import unique_slug
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.services import OBJECT_MISSING, SEAWEEDFS_FAILED
from pytest_plexdev.testkit.stack import log_location

if TYPE_CHECKING:
    import minio

    from pytest_plexdev.core.service_credentials import ServiceCredentials
    from pytest_plexdev.testkit.stack import Stack

Result = TypeVar("Result")

SERVICE: Final = "seaweedfs"
EXTRA: Final = "full"
"""The extra that installs the S3 client."""
REGION: Final = "us-east-1"
"""The region that requests are signed for; SeaweedFS takes any."""
_TIMEOUT_S: Final = 10.0
_SHOWN_KEYS: Final = 10
__tracebackhide__ = True  # pytest shows a failure at the test's line, not here


class _Requests:
    """Sends requests for one bucket and explains their failures."""

    def __init__(
        self, url: str, *, log: str, died: Callable[[], PlexdevError | None], close: Callable[[], None]
    ) -> None:
        self._url = url
        self.close = close
        self._log = log
        self._died = died

    def send(self, verb: str, what: str, request: Callable[[], Result]) -> Result:
        """Return the result of *request*, which does this to that.

        Raises:
            PlexdevError: ``seaweedfs-failed``; ``server-died``.
        """
        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError

        try:
            return request()
        except S3Error as error:
            why = "it answers, but refuses the request"
            raise self._failed(verb, what, f"{error.code}: {error.message}", why) from None
        except ValueError as error:
            # The client refuses names that S3 does not allow, some without a text.
            raise self._failed(verb, what, str(error) or "the name is not valid", "nothing was sent") from None
        except (MinioException, HTTPError, OSError) as error:
            why = "it does not answer: it has ended, or is starting"
            # After a retry urllib3 wraps the reason.
            reason = type(getattr(error, "reason", None) or error).__name__
            raise self._died() or self._failed(verb, what, reason, why) from None

    def _failed(self, verb: str, what: str, reason: str, why: str) -> PlexdevError:
        facts = {"verb": verb, "what": what, "reason": reason, "why": why, "log": self._log}
        return PlexdevError(SEAWEEDFS_FAILED, url=self._url, **facts)


class Bucket:
    """An S3 bucket of the test's own, which is removed after the test with everything in it.

    Attributes:
        name: The bucket's name.
        endpoint: Origin of the S3 API, such as ``http://127.0.0.1:8333``.
        credentials: Access key (``user``) and secret key (``secret``) for it.
        client: A ready S3 client (``minio.Minio``), for all that the methods here do not do.

    Example::

        def test_my_uploader_writes_one_object(plexdev_bucket):
            plexdev_bucket.client.fput_object(plexdev_bucket.name, "this", __file__)
            assert plexdev_bucket.list() == ["this"]
            assert b"my_uploader" in plexdev_bucket.get("this")
    """

    def __init__(
        self, name: str, *, endpoint: str, credentials: ServiceCredentials, client: minio.Minio, requests: _Requests
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.credentials = credentials
        self.client = client
        self._requests = requests

    def url(self, key: str = "") -> str:
        """Return the URL of an object, or of the bucket. A request to it needs a signature."""
        return f"{self.endpoint}/{self.name}" + (f"/{quote(key)}" if key else "")

    def put(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Store an object, in place of one of this key.

        Raises:
            PlexdevError: ``seaweedfs-failed``; ``server-died``.
            TypeError: *content* is not ``bytes``.
        """
        if not isinstance(content, bytes):
            raise TypeError(f"an object is bytes, not {type(content).__name__}; of a text: text.encode()")
        self._requests.send(
            "put",
            key,
            lambda: self.client.put_object(self.name, key, io.BytesIO(content), len(content), content_type),
        )

    def get(self, key: str) -> bytes:
        """Return the content of an object, as it is stored.

        Raises:
            PlexdevError: ``object-missing``; ``seaweedfs-failed``; ``server-died``.
        """

        def read() -> bytes | None:
            from minio.error import S3Error

            try:
                with self.client.get_object(self.name, key) as response:
                    return response.read(decode_content=False)
            except S3Error as error:
                if error.code != "NoSuchKey":
                    raise
                return None

        content = self._requests.send("get", key, read)
        if content is None:
            raise PlexdevError(
                OBJECT_MISSING, bucket=self.name, key=key, keys=abbreviated(self.list(), _SHOWN_KEYS) or "none"
            )
        return content

    def list(self, prefix: str = "") -> list[str]:
        """Return the keys of the objects, sorted.

        Args:
            prefix: What the keys begin with.

        Raises:
            PlexdevError: ``seaweedfs-failed``; ``server-died``.
        """
        return sorted(self._requests.send("list", f"{prefix}*", lambda: self._keys(prefix)))

    def _keys(self, prefix: str) -> set[str]:
        return {str(each.object_name) for each in self.client.list_objects(self.name, prefix, recursive=True)}

    def __repr__(self) -> str:
        return f"Bucket({self.name!r})"


@contextlib.contextmanager
def open_bucket(stack: Stack) -> Iterator[Bucket]:
    """Create a bucket in the stack's SeaweedFS; remove it at the end with everything in it.

    Raises:
        PlexdevError: ``extra-missing``; ``service-left-out``; ``seaweedfs-failed``; the errors of a port-forward.
    """
    need(EXTRA, "minio")
    bucket, requests = _create(stack, stack.url(SERVICE))
    try:
        yield bucket
    finally:
        with contextlib.suppress(PlexdevError):  # A SeaweedFS that is gone has lost the bucket anyway.
            requests.send("remove", "the bucket", lambda: _remove(bucket.client, bucket.name))
        requests.close()


def _create(stack: Stack, endpoint: str) -> tuple[Bucket, _Requests]:
    import minio
    import urllib3

    credentials = stack.credentials(SERVICE)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_TIMEOUT_S, read=_TIMEOUT_S),
        # Once more if an idle connection was closed; a test sees every answer as it is.
        retries=urllib3.Retry(total=1, redirect=0, status=0),
    )
    client = minio.Minio(
        urlsplit(endpoint).netloc,
        access_key=credentials.user,
        secret_key=credentials.secret,
        secure=endpoint.startswith("https:"),
        region=REGION,
        http_client=pool,
    )
    name = unique_slug("test")
    log = log_location(stack.info, SERVICE)
    requests = _Requests(f"{endpoint}/{name}", log=log, died=lambda: stack.died(0.5), close=pool.clear)
    requests.send("create", "the bucket", lambda: client.make_bucket(name))
    return Bucket(name, endpoint=endpoint, credentials=credentials, client=client, requests=requests), requests


def _remove(client: minio.Minio, name: str) -> None:
    """Remove a bucket with everything in it, versions included."""
    for each in client.list_objects(name, recursive=True, include_version=True):
        client.remove_object(name, str(each.object_name), each.version_id)
    client.remove_bucket(name)
