"""Access of another user of this machine to a fresh stack: none without credentials, which that user cannot read."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.credentials import RUNBOOK
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.stack.embedded.launch import end
from tests.support.another_user import AS_NOBODY, PYTHON, RECORDS, require_another_user
from tests.support.embedded import Bench, database_of, fakes, processes_below


@pytest.fixture(scope="module")
def fresh(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackInfo]:
    """A stack like a run's, but with a fake control plane."""
    directory = tmp_path_factory.mktemp("access") / "stack"
    settings = EmbeddedSettings(id="access", prefer="stand-in", cache=cache, programs=fakes(), timeout=60)
    yield EmbeddedProvider(settings, directory).up(lambda _: None).info
    end(directory)


def secrets_of(info: StackInfo) -> list[bytes]:
    urls = (database_of(info), info.endpoints.nats or "")
    secrets = [(urlsplit(url).password or "").encode() for url in urls]
    assert all(len(secret) == 32 for secret in secrets)
    assert len(set(secrets)) == 2
    return secrets


def test_no_command_line_has_a_secret(fresh: StackInfo) -> None:
    lines = [Path(f"/proc/{each.pid}/cmdline").read_bytes() for each in processes_below(fresh.directory)]

    assert any(b"nats-server" in line for line in lines)
    assert not [line for line in lines if any(secret in line for secret in secrets_of(fresh))]


def test_no_file_that_others_may_read_has_a_secret(fresh: StackInfo) -> None:
    files = [path for top in (fresh.directory, scratch_of(fresh)) for path in top.rglob("*") if path.is_file()]
    holding = [path for path in files if any(secret in path.read_bytes() for secret in secrets_of(fresh))]

    assert {path.name for path in holding} == {"stack.json", "nats.conf"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}


def test_the_template_that_stacks_share_holds_no_password(fresh: StackInfo, cache: Path) -> None:
    def verifiers(top: Path) -> int:
        return sum(path.read_bytes().count(b"SCRAM-SHA-256$") for path in top.rglob("*") if path.is_file())

    assert verifiers(scratch_of(fresh) / "postgres")
    assert verifiers(cache / "postgres") == 0


def test_postgres_accepts_only_the_password_over_tcp(fresh: StackInfo) -> None:
    # The client rejects a server that requires no password, or that requests it in clear text.
    url = make_conninfo(database_of(fresh), require_auth="scram-sha-256")

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("plexsphere",)
    for password in ("wrong", RUNBOOK.database, "SCRAM-SHA-256$1:AAAA$AAAA:AAAA"):
        with pytest.raises(psycopg.OperationalError, match='password authentication failed for user "plexsphere"'):
            psycopg.connect(make_conninfo(url, password=password))
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(make_conninfo(url, user="postgres"))


def test_nats_asks_for_the_password(fresh: StackInfo) -> None:
    port = urlsplit(fresh.endpoints.nats or "").port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client, client.makefile("rwb") as stream:
        stream.readline()
        stream.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
        stream.flush()
        assert stream.readline() == b"-ERR 'Authorization Violation'\r\n"


def test_the_signer_is_out_of_the_reach_of_another_user(fresh: StackInfo) -> None:
    path = (fresh.endpoints.signer or "").removeprefix("unix://")
    dial = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"

    assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
    subprocess.run([sys.executable, "-c", dial, path], check=True)
    require_another_user()
    done = subprocess.run([*AS_NOBODY, PYTHON, "-c", dial, path], capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr


def test_a_listener_on_the_other_localhost_receives_nothing(bench: Bench, settings: EmbeddedSettings) -> None:
    require_another_user()
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as free:
        port = free.getsockname()[1]
    sitting = subprocess.Popen([*AS_NOBODY, PYTHON, "-c", RECORDS, str(port)], stdout=subprocess.PIPE, text=True)
    assert sitting.stdout is not None
    with sitting, sitting.stdout:
        assert sitting.stdout.readline() == "sits\n"
        with pytest.raises(PlexdevError) as refusal:
            bench.up(EmbeddedSettings(**{**vars(settings), "api_port": port}))
        sitting.kill()
        received = sitting.stdout.read()

    assert refusal.value.tag == "port-taken"
    # A connection without data is allowed, to find out whether a program listens.
    assert set(received.splitlines()) <= {"got b''"}


def scratch_of(info: StackInfo) -> Path:
    """The scratch directory, with sockets and data."""
    return Path((info.endpoints.signer or "").removeprefix("unix://")).parents[1]
