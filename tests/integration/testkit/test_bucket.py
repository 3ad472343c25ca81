"""The bucket of a test's own, in a real SeaweedFS."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from minio import Minio
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from pytest_plexdev.core.model import Endpoints, Service, StackInfo
from pytest_plexdev.core.service_credentials import ServiceCredentials
from pytest_plexdev.errors import SERVER_DIED, PlexdevError
from pytest_plexdev.testkit.bucket import Bucket, open_bucket
from tests.support.seaweed import ACCESS_KEY, SECRET_KEY, SeaweedServer


class FakeStack:
    """As much of a stack as a bucket uses."""

    def __init__(self, url: str, secret: str = SECRET_KEY) -> None:
        self.death: PlexdevError | None = None
        self._url, self._secret = url, secret
        service = Service(name="seaweedfs", version="4", log=Path("/logs/seaweedfs.log"))
        endpoints = Endpoints(api="http://localhost:1", issuer="http://localhost:2")
        self.info = StackInfo(
            provider="embedded", id="x", directory=Path("/x"), endpoints=endpoints, started_at=0.0, services=(service,)
        )

    def url(self, service: str) -> str:
        return self._url

    def credentials(self, service: str) -> ServiceCredentials:
        return ServiceCredentials(user=ACCESS_KEY, secret=self._secret)

    def died(self, patience: float) -> PlexdevError | None:
        return self.death


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    server = SeaweedServer(tmp_path_factory.mktemp("bucket"))
    server.wait()
    yield server
    server.stop()


@pytest.fixture
def stack(seaweed: SeaweedServer) -> FakeStack:
    return FakeStack(seaweed.bucket.url)


@pytest.fixture
def bucket(stack: FakeStack) -> Iterator[Bucket]:
    with open_bucket(cast("Any", stack)) as bucket:
        yield bucket


@contextlib.contextmanager
def open_all(stack: FakeStack, count: int) -> Iterator[list[Bucket]]:
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(open_bucket(cast("Any", stack))) for _ in range(count)]


@pytest.fixture
def direct(seaweed: SeaweedServer) -> Minio:
    """A client that knows nothing of the test's bucket."""
    return seaweed.client()


def test_what_was_put_is_there_byte_for_byte(bucket: Bucket, direct: Minio) -> None:
    bucket.put("a/b c", b"\x00\xff", content_type="text/plain")
    bucket.put("a/empty", b"")

    assert (bucket.get("a/b c"), bucket.get("a/empty")) == (b"\x00\xff", b"")
    assert direct.stat_object(bucket.name, "a/b c").content_type == "text/plain"
    assert bucket.list() == ["a/b c", "a/empty"]
    assert (bucket.list("a/b"), bucket.list("b")) == (["a/b c"], [])


def test_an_object_is_replaced(bucket: Bucket) -> None:
    bucket.put("key", b"first")
    bucket.put("key", b"second")

    assert (bucket.list(), bucket.get("key")) == (["key"], b"second")


def test_the_url_is_that_of_the_object(bucket: Bucket) -> None:
    bucket.put("a/b c", b"content")
    signed = bucket.client.presigned_get_object(bucket.name, "a/b c")

    assert httpx.get(signed, trust_env=False).content == b"content"
    assert signed.partition("?")[0] == bucket.url("a/b c")
    assert httpx.get(bucket.url("a/b c"), trust_env=False).status_code == 403
    assert bucket.url() == f"{bucket.endpoint}/{bucket.name}"


def test_credentials_work_with_a_client_of_ones_own(bucket: Bucket) -> None:
    keys = bucket.credentials
    own = Minio(bucket.endpoint.removeprefix("http://"), keys.user, keys.secret, secure=False)
    own.put_object(bucket.name, "key", io.BytesIO(b"x"), 1)

    assert bucket.get("key") == b"x"
    assert SECRET_KEY not in repr(bucket)


def test_two_tests_have_two_buckets(bucket: Bucket, stack: FakeStack) -> None:
    bucket.put("key", b"x")

    with open_bucket(cast("Any", stack)) as other:
        assert (other.name != bucket.name, other.list()) == (True, [])
    assert bucket.get("key") == b"x"


def test_many_tests_have_buckets_at_once_and_none_is_left(stack: FakeStack, direct: Minio) -> None:
    for _ in range(2):
        with open_all(stack, 20) as buckets:
            for each in buckets:
                each.put("key", b"x")
        assert not {each.name for each in buckets} & {each.name for each in direct.list_buckets()}


def test_a_bucket_is_removed_with_everything_in_it(stack: FakeStack, direct: Minio) -> None:
    with open_bucket(cast("Any", stack)) as bucket:
        direct.set_bucket_versioning(bucket.name, VersioningConfig(ENABLED))
        for content in (b"first", b"second"):
            bucket.put("versioned", content)
        bucket.put("deleted", b"x")
        bucket.client.remove_object(bucket.name, "deleted")
        bucket.client._create_multipart_upload(bucket.name, "never completed", {})
        for number in range(30):
            bucket.put(f"many/{number}", b"x")

    assert not direct.bucket_exists(bucket.name)


def test_a_text_is_refused_with_what_makes_bytes_of_it(bucket: Bucket) -> None:
    with pytest.raises(TypeError, match=r"an object is bytes, not str; of a text: text\.encode\(\)"):
        bucket.put("key", "text")  # type: ignore[arg-type] # the mistake that it is about

    assert bucket.list() == []


def test_a_bucket_that_a_test_removed_is_no_error(stack: FakeStack) -> None:
    with open_bucket(cast("Any", stack)) as bucket:
        bucket.client.remove_bucket(bucket.name)


def test_a_missing_object_names_what_is_there(bucket: Bucket) -> None:
    for number in range(12):
        bucket.put(f"{number:02}", b"x")

    with pytest.raises(PlexdevError) as missing:
        bucket.get("key")

    first, why, _ = str(missing.value).splitlines()
    assert first == f"plexdev[object-missing]: the bucket {bucket.name} has no object key"
    assert why.endswith("; the bucket has 00, 01, 02, 03, 04, 05, 06, 07, 08, 09 and 2 more")


@pytest.mark.parametrize("key", ["", "a/../b"])
def test_a_key_that_the_client_refuses_is_reported(bucket: Bucket, key: str) -> None:
    with pytest.raises(PlexdevError) as caught:
        bucket.put(key, b"")

    assert caught.value.tag == "seaweedfs-failed"
    assert f"could not put {key}" in caught.value.headline


def test_refused_keys_are_reported(seaweed: SeaweedServer) -> None:
    stack = cast("Any", FakeStack(seaweed.bucket.url, "another-secret"))
    with pytest.raises(PlexdevError) as refused, open_bucket(stack):
        pass

    first, why, fix = str(refused.value).splitlines()
    assert first.startswith(f"plexdev[seaweedfs-failed]: SeaweedFS at {seaweed.bucket.url}/test-")
    assert "could not create the bucket: SignatureDoesNotMatch" in first
    assert why == "  why: it answers, but refuses the request"
    assert fix == "  fix: read /logs/seaweedfs.log"


def test_a_seaweedfs_that_ended_is_reported(tmp_path: Path) -> None:
    seaweed = SeaweedServer(tmp_path)
    seaweed.wait()
    stack = FakeStack(seaweed.bucket.url)
    with open_bucket(cast("Any", stack)) as bucket:
        seaweed.stop()
        with pytest.raises(PlexdevError) as silent:
            bucket.list()
        stack.death = PlexdevError(SERVER_DIED, service="seaweedfs", status="-9", cause="", log="x", restart="y")
        with pytest.raises(PlexdevError) as died:
            bucket.put("key", b"x")

    assert silent.value.tag == "seaweedfs-failed"
    assert "does not answer" in str(silent.value)
    assert died.value.tag == "server-died"
