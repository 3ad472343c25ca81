"""An embedded stack of the profile ``full``: the real OpenBao and SeaweedFS, from their wheels."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from minio import Minio

from plexsphere_reference.artifacts.fixture_releases import objects
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.profiles import FURTHER_SERVICES
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.testkit.stack import Stack
from tests.support.embedded import Bench, TracesOf, fakes


@pytest.fixture(scope="module")
def full(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackInfo]:
    settings = EmbeddedSettings(
        id="full", profile="full", requires_profile=True, prefer="stand-in", cache=cache, programs=fakes(), timeout=60
    )
    provider = EmbeddedProvider(settings, tmp_path_factory.mktemp("full") / "stack")
    yield provider.up(lambda event: None).info
    provider.down(None)


@pytest.fixture
def stack(full: StackInfo) -> Iterator[Stack]:
    stack = Stack(full, EmbeddedProvider(directory=full.directory))
    yield stack
    stack.close()


def test_the_stack_says_what_it_has(stack: Stack) -> None:
    versions = {service.name: service.version for service in stack.info.services}

    assert stack.info.profile == "full"
    assert versions["openbao"].startswith("2.")
    assert versions["seaweedfs"].startswith("4.")
    assert stack.info.left_out[-3:] == ("crossplane", "external-secrets", "gateway")
    assert {verdict.state for verdict in stack.verdicts()} == {"ready"}


def test_openbao_stores_a_secret(stack: Stack) -> None:
    secret = f"{stack.url('openbao')}/v1/secret/data/a/b"
    headers = {"X-Vault-Token": stack.credentials("openbao").secret}
    httpx.post(secret, headers=headers, json={"data": {"password": "s3cret"}}, trust_env=False).raise_for_status()

    read = httpx.get(secret, headers=headers, trust_env=False).json()

    assert read["data"]["data"] == {"password": "s3cret"}


def test_the_token_of_another_stack_is_refused(stack: Stack) -> None:
    url = f"{stack.url('openbao')}/v1/auth/token/lookup-self"

    assert httpx.get(url, headers={"X-Vault-Token": "plexsphere"}, trust_env=False).status_code == 403


def test_seaweedfs_stores_an_object(stack: Stack, tmp_path: Path) -> None:
    keys = stack.credentials("seaweedfs")
    client = Minio(urlsplit(stack.url("seaweedfs")).netloc, keys.user, keys.secret, secure=False)
    client.make_bucket("a-bucket")
    (tmp_path / "hello").write_bytes(b"hello")
    client.fput_object("a-bucket", "an/object", str(tmp_path / "hello"))

    with client.get_object("a-bucket", "an/object") as response:
        assert response.read() == b"hello"


def test_seaweedfs_has_the_seeded_releases_at_once(stack: Stack) -> None:
    keys = stack.credentials("seaweedfs")
    client = Minio(urlsplit(stack.url("seaweedfs")).netloc, keys.user, keys.secret, secure=False)

    stored = {each.object_name for each in client.list_objects("plexsphere", recursive=True)}

    assert stored == {key for key, _ in objects()}


def test_seaweedfs_logs_what_may_be_wrong_and_not_what_it_does(stack: Stack) -> None:
    keys = stack.credentials("seaweedfs")
    client = Minio(urlsplit(stack.url("seaweedfs")).netloc, keys.user, keys.secret, secure=False)
    client.make_bucket("logged")
    client.put_object("logged", "an/object", io.BytesIO(b"hello"), 5)

    # The first letter of a line is its severity.
    severities = Counter(line[0] for line in stack.log("seaweedfs").splitlines())

    assert severities["W"] >= 1
    assert severities["I"] <= 5


def test_no_server_is_reachable_from_other_machines(stack: Stack) -> None:
    inodes = {
        line.split()[9]: line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    }
    pids = {service.name: service.pid for service in stack.info.services if service.name in ("openbao", "seaweedfs")}
    listening = {
        (name, inodes[inode].partition(":")[0])
        for name, pid in pids.items()
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if (inode := str(link.readlink()).removeprefix("socket:[").rstrip("]")) in inodes
    }

    # 127.0.0.1, as the kernel writes it.
    assert listening == {("openbao", "0100007F"), ("seaweedfs", "0100007F")}


def test_nothing_is_left(cache: Path, bench: Bench, traces_of: TracesOf) -> None:
    settings = EmbeddedSettings(
        id="full", profile="full", requires_profile=True, prefer="stand-in", cache=cache, programs=fakes(), timeout=60
    )
    info = bench.up(settings)
    traces = traces_of(bench.directory)
    bench.provider(settings).down(info)

    assert traces.left() == []


def test_a_lean_stack_starts_none_of_them(bench: Bench, settings: EmbeddedSettings) -> None:
    info = bench.up(replace(settings, profile="lean"))

    assert not {"openbao", "seaweedfs", "mimir", "loki"} & {service.name for service in info.services}
    assert info.left_out == (*FURTHER_SERVICES, "gateway")
