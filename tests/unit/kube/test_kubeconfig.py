"""Reading anybody's kubeconfig, one context of it, and writing our own."""

from __future__ import annotations

import base64
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient, read_access


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(**changes: Any) -> dict[str, Any]:
    """A file as people have it: two clusters, ours not the current one."""
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "work",
        "clusters": [
            {"name": "work", "cluster": {"server": "https://k8s.example.com"}},
            {
                "name": "kind-plexsphere",
                "cluster": {"server": "https://127.0.0.1:6443/", "certificate-authority-data": encoded("the CA")},
            },
        ],
        "users": [
            {"name": "work", "user": {"exec": {"command": "aws"}}},
            {"name": "dev", "user": {"client-certificate-data": encoded("cert"), "client-key-data": encoded("key")}},
        ],
        "contexts": [
            {"name": "work", "context": {"cluster": "work", "user": "work"}},
            {"name": "kind-plexsphere", "context": {"cluster": "kind-plexsphere", "user": "dev", "namespace": "ns"}},
        ],
    }
    return document | changes


def written(path: Path, document: object) -> Path:
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path


def access_to(server: str) -> Access:
    return Access(context="c", kubeconfig=Path("k"), server=server)


def refused(path: Path, context: str = "kind-plexsphere") -> str:
    with pytest.raises(PlexdevError) as refusal:
        read_access(path, context)
    assert refusal.value.tag == "kubeconfig-unusable"
    return str(refusal.value)


def test_one_context_of_many(tmp_path: Path) -> None:
    path = written(tmp_path / "config", kubeconfig())

    assert read_access(path, "kind-plexsphere") == Access(
        context="kind-plexsphere",
        kubeconfig=path,
        server="https://127.0.0.1:6443",
        authority=b"the CA",
        certificate=b"cert",
        key=b"key",
        namespace="ns",
    )


def test_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "config", kubeconfig())

    assert read_access(path, "kind-other") is None
    assert read_access(tmp_path / "none", "kind-plexsphere") is None
    assert read_access(path / "below-a-file", "kind-plexsphere") is None
    assert read_access(written(tmp_path / "bare", {"apiVersion": "v1"}), "kind-plexsphere") is None


def test_certificates_may_be_files_beside_it_and_a_token_will_do(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("a CA")
    path = written(
        tmp_path / "config",
        kubeconfig(
            clusters=[
                {"name": "kind-plexsphere", "cluster": {"server": "https://x", "certificate-authority": "ca.crt"}}
            ],
            users=[{"name": "dev", "user": {"token": "t0ken"}}],
        ),
    )
    access = read_access(path, "kind-plexsphere")

    assert access is not None
    assert (access.authority, access.token, access.certificate) == (b"a CA", "t0ken", None)
    assert "t0ken" not in repr(access)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "it is not YAML"),
        ("- a list", "it is not a kubeconfig"),
        ("", "it is not a kubeconfig"),
        (kubeconfig(clusters=[]), "its cluster has no server"),
        (kubeconfig(clusters=[{"name": "kind-plexsphere", "cluster": {}}]), "its cluster has no server"),
        (kubeconfig(users=None), "its user needs a program to sign in"),
        (
            kubeconfig(users=[{"name": "dev", "user": {"client-key": "gone.key"}}]),
            "No such file or directory",
        ),
        (kubeconfig(users=[{"name": "dev", "user": {"client-key-data": "%%%%%"}}]), "base64"),
        (kubeconfig(users=[{"name": "dev", "user": {"client-key-data": 7}}]), "base64"),
        (kubeconfig(contexts=["work", {"name": "kind-plexsphere"}]), "its cluster has no server"),
    ],
)
def test_one_that_cannot_be_used_says_what_is_missing(tmp_path: Path, content: object, reason: str) -> None:
    message = refused(written(tmp_path / "config", content))

    assert reason in message
    assert f"fix: kubectl config get-contexts --kubeconfig {tmp_path}/config" in message


def test_a_user_that_needs_a_program_is_refused(tmp_path: Path) -> None:
    assert "needs a program to sign in" in refused(written(tmp_path / "config", kubeconfig()), "work")


def test_certificates_that_are_none_are_told_before_a_request(tmp_path: Path) -> None:
    access = read_access(written(tmp_path / "config", kubeconfig()), "kind-plexsphere")
    assert access is not None

    with pytest.raises(PlexdevError) as refusal:
        KubeClient(access)

    assert refusal.value.tag == "kubeconfig-unusable"
    assert "its certificates cannot be read" in str(refusal.value)


@pytest.mark.parametrize("host", ["127.0.0.1:6443", "127.3.2.1:6443", "[::1]:6443", "localhost:6443"])
def test_this_machine_is_loopback(host: str) -> None:
    assert access_to(f"https://{host}").is_loopback


@pytest.mark.parametrize(
    "server",
    [
        "https://0.0.0.0:6443",
        "https://127.0.0.1.example.com:6443",
        "https://localhost.example.com",
        "https://localhost@10.0.0.1:6443/127.0.0.1",
        "https://192.168.1.4:6443",
        "",
    ],
)
def test_nothing_else_is(server: str) -> None:
    assert not access_to(server).is_loopback


def test_our_own_file_has_that_context_and_no_other_and_is_the_owner_s_alone(tmp_path: Path) -> None:
    theirs = written(tmp_path / "config", kubeconfig())
    before = theirs.read_bytes()
    access = read_access(theirs, "kind-plexsphere")
    assert access is not None

    ours = access.write_private(tmp_path / "new" / "kubeconfig")

    assert read_access(ours.kubeconfig, "kind-plexsphere") == ours
    assert ours == Access(**{**vars(access), "kubeconfig": tmp_path / "new" / "kubeconfig"})
    document = yaml.safe_load(ours.kubeconfig.read_text())
    assert document["current-context"] == "kind-plexsphere"
    assert [len(document[part]) for part in ("clusters", "users", "contexts")] == [1, 1, 1]
    assert stat.S_IMODE(ours.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(ours.kubeconfig.parent.stat().st_mode) == 0o700
    assert theirs.read_bytes() == before


def test_a_printed_command_reaches_that_server_and_nothing_else(tmp_path: Path) -> None:
    access = Access(context="kind-x", kubeconfig=tmp_path / "a b", server="https://127.0.0.1:1")

    assert access.kubectl == ("kubectl", "--kubeconfig", str(tmp_path / "a b"), "--context", "kind-x")
    with KubeClient(access) as client:
        assert client.command("get", "pods") == f"kubectl --kubeconfig '{tmp_path}/a b' --context kind-x get pods"
