"""A program of another user binds a server's port after it was chosen and before the server starts."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.servers.nats import _find as find_nats
from pytest_plexdev.stack.embedded.servers.postgres_data import find_binaries
from tests.support.another_user import AS_NOBODY, PYTHON, require_another_user
from tests.support.embedded import PROGRAMS, Bench

ANSWERS = r"""
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.stdin.readline())))
server.listen()
print("listening", flush=True)
greeting, answer = (bytes.fromhex(word) for word in sys.argv[1:])
while True:
    connection, _ = server.accept()
    connection.settimeout(5)
    try:
        connection.sendall(greeting)
        print("got", connection.recv(65536), flush=True)
        connection.sendall(answer)
    except OSError:
        pass
    connection.close()
"""
WEAK = """
import sys
from pathlib import Path
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.core.progress import VerdictChanged
directory = Path(sys.argv[1])
settings = EmbeddedSettings(id="weak", prefer="stand-in", cache=directory / "cache", postgres_user="nobody")
def print_reason(event):
    if isinstance(event, VerdictChanged) and event.verdict.state == "waiting":
        print(f"{event.verdict.name}: {event.verdict.reason}")
provider = EmbeddedProvider(settings, directory / "stack")
provider.down(provider.up(print_reason).info)
print("came up")
"""
NATS = (b'INFO {"version":"6.6.6"}\r\n', b"PONG\r\n")
HTTP = (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
GRPC = (b"", bytes(3) + b"\x04" + bytes(5))


@dataclass
class Intruder:
    """Another user's program that binds the port of a server, whose start is delayed until then.

    Attributes:
        port_file: A FIFO to which the delayed server writes its port.
        go: A FIFO that lets the server start.
    """

    port_file: Path
    go: Path
    process: subprocess.Popen[str]
    port: int = 0

    def late(self, *program: str) -> tuple[str, ...]:
        """The command line of *program*, delayed until this program has bound its port."""
        return (sys.executable, str(PROGRAMS / "late.py"), str(self.port_file), str(self.go), *program)

    def script(self, file: Path, *program: str) -> None:
        file.write_text(f'#!/bin/sh\nexec {shlex.join(self.late(*program))} "$@"\n')
        file.chmod(0o755)

    def bind(self) -> None:
        """Bind the port of the delayed server, then let it start."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.port = int(self.port_file.read_text())
        print(self.port, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "listening\n"
        self.go.write_text("go")

    def received(self) -> set[str]:
        assert self.process.stdout is not None
        self.process.kill()
        return set(self.process.stdout.read().splitlines())


@pytest.fixture
def intruder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Intruder]:
    require_another_user()
    port_file, go = tmp_path / "port", tmp_path / "go"
    os.mkfifo(port_file)
    os.mkfifo(go)
    words = [part.hex() for part in request.param]
    argv = [*AS_NOBODY, PYTHON, "-c", ANSWERS, *words]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        intruder = Intruder(port_file, go, process)
        thread = threading.Thread(target=intruder.bind, daemon=True)
        thread.start()
        yield intruder
        process.kill()
        thread.join(10)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that comes first in ``PATH``."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)
    return directory


def assert_port_taken(bench: Bench, settings: EmbeddedSettings, intruder: Intruder, purpose: str) -> None:
    with pytest.raises(PlexdevError) as refusal:
        bench.up(settings)

    assert refusal.value.tag == "port-taken", str(refusal.value)
    pid = intruder.process.pid
    assert f"port {intruder.port} for {purpose} is taken by python3 (pid {pid}) of nobody" in str(refusal.value)
    assert "another program started to use this port in between" in str(refusal.value)
    assert str(refusal.value).endswith("fix: run it again: every bring-up chooses other ports")
    # A connection without data is allowed, to find out whether a program listens.
    assert intruder.received() <= {"got b''"}


@pytest.mark.parametrize("intruder", [NATS], indirect=True, ids=["nats"])
@pytest.mark.parametrize("starts", [True, False], ids=["before-the-server-fails", "and-answers-in-its-place"])
def test_nats(bench: Bench, settings: EmbeddedSettings, intruder: Intruder, starts: bool) -> None:  # noqa: FBT001
    nats = intruder.late(find_nats() if starts else "nats")
    assert_port_taken(bench, replace(settings, programs=replace(settings.programs, nats=nats)), intruder, "NATS")


@pytest.mark.parametrize("intruder", [HTTP], indirect=True, ids=["http"])
def test_dex(bench: Bench, settings: EmbeddedSettings, intruder: Intruder, on_path: Path) -> None:
    intruder.script(on_path / "dex", "dex")
    assert_port_taken(bench, replace(settings, prefer="real"), intruder, "the identity provider")


@pytest.mark.parametrize("intruder", [GRPC], indirect=True, ids=["grpc"])
def test_spicedb(bench: Bench, settings: EmbeddedSettings, intruder: Intruder, on_path: Path) -> None:
    intruder.script(on_path / "spicedb", "spicedb")
    assert_port_taken(bench, replace(settings, prefer="real"), intruder, "SpiceDB")


@pytest.mark.parametrize("intruder", [(b"", b"")], indirect=True, ids=["tcp"])
def test_postgres(bench: Bench, settings: EmbeddedSettings, intruder: Intruder, tmp_path: Path) -> None:
    real = find_binaries(None)
    (tmp_path / "bin").mkdir()
    intruder.script(tmp_path / "bin" / "postgres", str(real / "postgres"))
    (tmp_path / "bin" / "initdb").symlink_to(real / "initdb")
    programs = replace(settings.programs, postgres=tmp_path / "bin")
    assert_port_taken(bench, replace(settings, programs=programs), intruder, "Postgres")


def test_a_server_may_start_another_that_listens(bench: Bench, settings: EmbeddedSettings, tmp_path: Path) -> None:
    """The wrappers of nix, direnv and version managers stay as the parent of the server."""
    wrapper = tmp_path / "nats-server"
    wrapper.write_text(f'#!/bin/sh\n{shlex.quote(find_nats())} "$@" &\nwait\n')
    wrapper.chmod(0o755)

    info = bench.up(replace(settings, programs=replace(settings.programs, nats=(str(wrapper),))))
    bench.provider(settings).down(info)

    assert "this system does not show" not in bench.notes()


def test_a_server_with_hidden_sockets_is_identified_by_its_user(tmp_path: Path) -> None:
    """Postgres as ``nobody`` in a container with Docker's default capabilities, without CAP_SYS_PTRACE."""
    require_another_user()
    output = subprocess.run(
        ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", sys.executable, "-c", WEAK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert [line for line in output if line.startswith("postgres: this system does not show which process listens at ")]
    assert [line for line in output if line.startswith("nats: ")] == []
    assert output[-1] == "came up"
