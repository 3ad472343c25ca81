"""Reading one context of a user's kubeconfig, and writing our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.kube import Access, read_access
from pytest_plexdev.kube.server_url import server_url
from tests.support.kubeconfigs import access_to, encoded, kubeconfig, refused, with_server, written


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
        (kubeconfig(users=None), "it has no user 'dev'"),
        (
            kubeconfig(users=[{"name": "dev", "user": {"client-key": "gone.key"}}]),
            "No such file or directory",
        ),
        (kubeconfig(users=[{"name": "dev", "user": {"client-key-data": "%%%%%"}}]), "base64"),
        (kubeconfig(users=[{"name": "dev", "user": {"client-key-data": 7}}]), "base64"),
        (kubeconfig(contexts=["work", {"name": "kind-plexsphere"}]), "its cluster has no server"),
        ("\0", "it is not YAML"),
        ("since: 2024-13-45", "it is not YAML"),
        ("[" * 100_000, "it is not YAML"),
        (kubeconfig(contexts={"kind-plexsphere": {"cluster": "c"}}), "its contexts are not a list"),
        (kubeconfig(clusters={"kind-plexsphere": {}}), "its clusters are not a list"),
        (kubeconfig(users="dev"), "its users are not a list"),
        (
            kubeconfig(contexts=[{"name": "kind-plexsphere", "context": ["c"]}]),
            "the context 'kind-plexsphere' is ['c']",
        ),
        (kubeconfig(clusters=[{"name": "kind-plexsphere", "cluster": [1]}]), "the cluster 'kind-plexsphere' is [1]"),
        (kubeconfig(users=[{"name": "dev", "user": "root"}]), "the user 'dev' is 'root'"),
        (kubeconfig(users=[{"user": {"token": "t"}}]), "it has no user 'dev'"),
        (kubeconfig(users=[{"name": "dev", "user": {"token": ["t"]}}]), "not one line of text"),
        (kubeconfig(users=[{"name": "dev", "user": {"token": "a\nb"}}]), "not one line of text"),
        (
            kubeconfig(users=[{"name": "dev", "user": {"client-certificate-data": encoded("c")}}]),
            "a client-certificate and no client-key",
        ),
    ],
)
def test_one_that_cannot_be_used_says_what_is_missing(tmp_path: Path, content: object, reason: str) -> None:
    message = refused(written(tmp_path / "config", content))

    assert reason in message
    assert f"fix: correct it (`kubectl config view --kubeconfig {tmp_path}/config` shows" in message


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("https://[::1", "it is neither a URL nor host:port"),
        ("https://127.0.0.1:99999", "its port is not a number from 1 to 65535"),
        ("127.0.0.1:99999", "its port is not a number from 1 to 65535"),
        ("https://127.0.0.1:0", "its port is not a number from 1 to 65535"),
        ("https://127.0.0.1:https", "its port is not a number from 1 to 65535"),
        ("https://:6443", "an empty name is not a host name"),
        ("https://127.0.0.1 :6443", "it is neither a URL nor host:port"),
        ("https://127.0.0.1:64\n43", "it is neither a URL nor host:port"),
        ("https://a b", "it is neither a URL nor host:port"),
        ("https://-x", "-x is not a host name"),
        ("localhost:6443/prefix", "it is neither a URL nor host:port"),
        ("unix:///run/k8s.sock", "it is neither a URL nor host:port"),
        ("ftp://localhost:21", "the scheme ftp is neither http nor https"),
        ("https://localhost/ä", "its path has characters"),
        (["https://localhost"], "it is not text"),
        (6443.5, "it is not text"),
    ],
)
def test_a_server_that_is_no_address_is_told_with_its_value(tmp_path: Path, server: object, reason: str) -> None:
    message = refused(written(tmp_path / "config", with_server(server)))

    assert f"{tmp_path}/config has no usable context kind-plexsphere: its server is {server!r}: " in message
    assert reason in message


@pytest.mark.parametrize(
    ("address", "has_tls", "url", "port"),
    [
        ("127.0.0.1:6443", False, "http://127.0.0.1:6443", 6443),
        ("127.0.0.1:6443", True, "https://127.0.0.1:6443", 6443),
        ("localhost:6443", True, "https://localhost:6443", 6443),
        ("localhost", False, "http://localhost", 80),
        ("[::1]:6443/", True, "https://[::1]:6443", 6443),
        ("https://k8s.example.com/k8s/clusters/c-1/?x#y", False, "https://k8s.example.com/k8s/clusters/c-1", 443),
    ],
)
def test_an_address_is_read_as_kubectl_reads_it(
    address: str,
    has_tls: bool,  # noqa: FBT001
    url: str,
    port: int,
) -> None:
    assert server_url(address, has_tls=has_tls) == url
    assert access_to(url).port == port


def test_certificates_make_an_address_without_a_scheme_https(tmp_path: Path) -> None:
    path = written(
        tmp_path / "config", with_server("127.0.0.1:6443", **{"certificate-authority-data": encoded("a CA")})
    )
    access = read_access(path, "kind-plexsphere")

    assert access is not None
    assert access.server == "https://127.0.0.1:6443"
    assert access.is_loopback
