"""``seed-artifacts`` on a real SeaweedFS."""

from __future__ import annotations

import dataclasses
import io
import socket
import time
from collections.abc import Iterator, Mapping

import pytest

from plexsphere_reference.artifacts.fixture_releases import objects
from plexsphere_reference.artifacts.s3 import BlobStoreUnavailable
from plexsphere_reference.artifacts.seed import CredentialsRefused, seed
from tests.support.control_plane import unique
from tests.support.seaweed import SeaweedServer, running_seed

CONTENT = (("plexd/1/a", b"first"), ("plexd/1/b", b"second"))


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    server = SeaweedServer(tmp_path_factory.mktemp("seed"))
    server.wait()
    yield server
    server.stop()


def run_seed(variables: Mapping[str, str]) -> tuple[int, str]:
    """Return the exit code of ``seed-artifacts`` and its log."""
    with running_seed(variables) as program:
        _, log = program.communicate(timeout=60)
    return program.returncode, log


def test_only_what_is_missing_is_put(seaweed: SeaweedServer) -> None:
    bucket, client = dataclasses.replace(seaweed.bucket, name=unique()), seaweed.client()

    first = seed(bucket, CONTENT, timeout_s=10)
    client.put_object(bucket.name, "plexd/1/a", io.BytesIO(b"changed"), 7)
    client.remove_object(bucket.name, "plexd/1/b")
    second = seed(bucket, CONTENT, timeout_s=10)

    assert (first, second) == (2, 1)
    assert [client.get_object(bucket.name, key).data for key, _ in CONTENT] == [b"changed", b"second"]
    assert seed(bucket, CONTENT, timeout_s=10) == 0


def test_refused_credentials_are_not_tried_again(seaweed: SeaweedServer) -> None:
    bucket = dataclasses.replace(seaweed.bucket, secret_key="another")
    started = time.monotonic()

    with pytest.raises(CredentialsRefused, match="S3 answers"):
        seed(bucket, CONTENT, timeout_s=30)

    assert time.monotonic() - started < 5


def test_a_server_that_is_not_there_is_waited_for(seaweed: SeaweedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        absent = dataclasses.replace(seaweed.bucket, url=f"http://127.0.0.1:{free.getsockname()[1]}")
    started = time.monotonic()

    with pytest.raises(BlobStoreUnavailable):
        seed(absent, CONTENT, timeout_s=0.5)

    assert time.monotonic() - started >= 0.5


def test_the_program_seeds_once_the_server_answers(tmp_path_factory: pytest.TempPathFactory) -> None:
    seaweed = SeaweedServer(tmp_path_factory.mktemp("starting"))
    try:
        code, log = run_seed(seaweed.variables)
        stored = {each.object_name for each in seaweed.client().list_objects("plexsphere", recursive=True)}
    finally:
        seaweed.stop()

    assert code == 0, log
    assert f"written={len(objects())}" in log
    assert stored == {key for key, _ in objects()}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"PLEXSPHERE_S3_BUCKET": ""}, "PLEXSPHERE_S3_BUCKET must be set"),
        ({"PLEXSPHERE_S3_URL": "seaweedfs:8333"}, "PLEXSPHERE_S3_URL takes http://HOST:PORT"),
    ],
)
def test_a_wrong_variable_ends_it_with_2(seaweed: SeaweedServer, changed: dict[str, str], message: str) -> None:
    code, log = run_seed({**seaweed.variables, **changed})

    assert code == 2
    assert log == f"plexsphere seed-artifacts: {log.partition(': ')[2]}"
    assert message in log


def test_a_refusal_ends_it_with_1_and_names_the_reason(seaweed: SeaweedServer) -> None:
    code, log = run_seed({**seaweed.variables, "PLEXSPHERE_S3_SECRET_KEY": "another"})

    assert code == 1
    assert 'msg="artifacts not seeded"' in log
    assert "S3 answers" in log
    assert "another" not in log
