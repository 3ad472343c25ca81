"""Kubeconfigs that are not regular files, their keys, and the file that plexdev writes."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient, read_access
from tests.support.kubeconfigs import access_to, kubeconfig, refused, with_server, written


def test_a_pipe_or_a_directory_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "it is a pipe or a socket, not a file" in refused(tmp_path / "pipe")
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


def test_our_kubeconfig_is_private_and_has_one_context(tmp_path: Path) -> None:
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
