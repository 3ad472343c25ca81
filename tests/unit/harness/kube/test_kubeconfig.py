"""Reading anybody's kubeconfig, one context of it, and writing our own."""

from __future__ import annotations

import base64
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.server_url import server_url


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


def with_server(server: object, **cluster: str) -> dict[str, Any]:
    return kubeconfig(
        clusters=[{"name": "kind-plexsphere", "cluster": {"server": server, **cluster}}],
        users=[{"name": "dev", "user": {"token": "t"}}],
    )


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


def test_a_pipe_or_a_directory_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "it is a pipe or a socket, and not a file" in refused(tmp_path / "pipe")
    assert "Is a directory" in refused(tmp_path)

    authority = with_server("https://localhost", **{"certificate-authority": str(tmp_path / "pipe")})
    assert "it is a pipe or a socket" in refused(written(tmp_path / "config", authority))


def test_a_key_with_a_pass_phrase_asks_for_none(tmp_path: Path) -> None:
    certificate, key = encrypted_pair()
    access = Access(
        context="c", kubeconfig=tmp_path / "k", server="https://localhost", certificate=certificate, key=key
    )
    with pytest.raises(PlexdevError) as refusal:
        access.tls()

    assert refusal.value.tag == "kubeconfig-unusable"


def encrypted_pair() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dev")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), encrypted


def test_a_user_that_needs_a_program_is_refused(tmp_path: Path) -> None:
    assert "authenticates by a plugin" in refused(written(tmp_path / "config", kubeconfig()), "work")


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
