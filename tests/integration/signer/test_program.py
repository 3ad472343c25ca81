"""The signer's program: its start, its stop, its behaviour without Postgres; and the API's client for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import grpc
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plexsphere_reference.signer import signing_pb2 as wire
from plexsphere_reference.signer.client import SignerClient, SignerUnavailable, SigningRefused
from tests.support.signers import Signer, running_signer


def test_it_says_at_boot_what_is_relaxed_in_dev(signer: Signer) -> None:
    first = signer.log.read_text().splitlines()[0]

    assert first.startswith(
        'level=WARN msg="insecure default active in dev mode" env=dev dependency=signer prod_delta='
    )


def test_a_postgres_that_comes_later_is_found(postgres_server: str, signer_database: str, tmp_path: Path) -> None:
    # Its socket directory is a link that does not lead anywhere yet.
    server_directory = signer_database.partition("host=")[2]
    link = tmp_path / "pg"
    with running_signer(signer_database.replace(server_directory, str(link)), tmp_path / "signer") as signer:
        with pytest.raises(grpc.RpcError) as refused:
            signer.stub.PublicKey(wire.PublicKeyRequest(scope="platform"))
        link.symlink_to(server_directory)
        key = signer.stub.PublicKey(wire.PublicKeyRequest(scope="platform"), timeout=6, wait_for_ready=True)

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert refused.value.details() == "signing: key provider unavailable"
    assert len(key.public_key) == 32


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told_even_while_a_call_waits_for_postgres(tmp_path: Path, number: signal.Signals) -> None:
    with running_signer(f"postgresql:///x?host={tmp_path}", tmp_path / "signer") as signer:
        waiting = signer.stub.PublicKey.future(wire.PublicKeyRequest(scope="platform"))
        began = time.monotonic()
        signer.process.send_signal(number)

        assert signer.process.wait(timeout=5) == 0
        assert time.monotonic() - began < 1  # 0.2 s on an idle machine
        assert waiting.exception() is not None
    assert "Traceback" not in signer.log.read_text()


def test_a_taken_port_ends_it_with_a_line_that_names_the_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = subprocess.run(
            [sys.executable, "-m", "plexsphere_reference", "signer", "--listen", listen],
            env={**os.environ, "PLEXSPHERE_DATABASE_URL": "postgresql:///x"},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )

    assert ended.returncode == 2
    assert f'msg="signer cannot listen" listen={listen}' in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.anyio
async def test_the_client_gives_raw_bytes_that_verify(signer: Signer) -> None:
    client, scope = SignerClient(signer.endpoint), f"domain:{uuid.uuid4()}"

    key_id, raw = await client.public_key(scope)
    signature = await client.sign(scope, b"payload", key_id=key_id)
    await client.close()

    Ed25519PublicKey.from_public_bytes(raw).verify(signature.raw, b"payload")
    assert signature.key_id == key_id


@pytest.mark.anyio
async def test_the_client_asks_no_proxy(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = SignerClient(signer.endpoint)

    key_id, _ = await client.public_key("platform")
    await client.close()

    assert key_id


@pytest.mark.anyio
async def test_the_client_tells_a_refusal_from_an_absence(signer: Signer, tmp_path: Path) -> None:
    present, absent = SignerClient(signer.endpoint), SignerClient(f"unix:{tmp_path}/none")

    with pytest.raises(SigningRefused, match=r"^signing: invariant violation$"):
        await present.public_key("planet:mars")
    with pytest.raises(SignerUnavailable):
        await absent.public_key("platform")
    await present.close()
    await absent.close()


def test_the_client_costs_an_api_no_grpc_before_its_first_call() -> None:
    code = "import sys, plexsphere_reference.signer.client as c; c.SignerClient('x:1'); sys.exit('grpc' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=10).returncode == 0


def test_no_private_key_is_ever_logged(signer: Signer, signer_database: str) -> None:
    signer.stub.PublicKey(wire.PublicKeyRequest(scope="platform"))
    with psycopg.connect(signer_database) as connection:
        rows = connection.execute(
            "SELECT private_key FROM plexsphere.signing_keys WHERE private_key IS NOT NULL"
        ).fetchall()

    log = signer.log.read_text()
    assert rows
    assert not any(key.hex() in log or repr(bytes(key)) in log for (key,) in rows)
