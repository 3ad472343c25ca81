"""The error for a taken port: the process that has it, and the fix."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from pytest_plexdev.core.port_reservation import hold_beside, reserve
from pytest_plexdev.errors import PlexdevError

LISTENS = """
import socket, sys
from pathlib import Path
Path("/proc/self/comm").write_text(sys.argv[1])
taken = socket.create_server(("127.0.0.1", 0))
print(taken.getsockname()[1], flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port on which a program with these arguments listens."""
    argv = [sys.executable, "-c", LISTENS, *request.param]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.communicate("\n")


@pytest.mark.parametrize(
    ("taken", "holder"),
    [
        (("server",), "server (pid "),
        (("server", "plexsphere_reference"), "another plexdev stack (plexsphere_reference, pid "),
        (("docker-proxy",), "docker-proxy (pid "),
    ],
    indirect=["taken"],
)
def test_an_unknown_holder_of_a_port_is_named_and_not_ended(taken: int, holder: str) -> None:
    with pytest.raises(PlexdevError) as refusal:
        reserve(taken, purpose="the API")

    assert refusal.value.tag == "port-taken"
    assert f"is taken by {holder}" in str(refusal.value)
    assert str(refusal.value).endswith("fix: use free ports: plexdev up --port 0 --idp-port 0")


def test_a_port_that_this_user_may_not_take_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)

    with pytest.raises(PlexdevError, match="this user may not use port 80 for the API: Permission denied"):
        reserve(80, purpose="the API")


SITS_BESIDE = """
import json, socket, sys
said = {}
for address in ("::1", "::"):
    for only in (0, 1):
        for option in ("SO_REUSEADDR", "SO_REUSEPORT"):
            sock = socket.socket(socket.AF_INET6)
            sock.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
            try:
                sock.bind((address, int(sys.argv[1])))
                sock.listen()
                said[f"{address} {only} {option}"] = "listens"
            except OSError as error:
                said[f"{address} {only} {option}"] = error.strerror
            sock.close()
print(json.dumps(said))
"""


@pytest.mark.parametrize("user", ["the same user", "another user"])
def test_a_held_port_is_also_held_on_the_other_localhost(user: str) -> None:
    held = reserve(purpose="a test")
    try:
        output = _who_tries(SITS_BESIDE, held.number, as_nobody=user == "another user")
    finally:
        held.release()

    assert len(output) == 8
    assert set(output.values()) == {"Address already in use"}


def test_a_listener_on_the_other_localhost_is_a_taken_port() -> None:
    with _beside(0) as somebody:
        somebody.listen()
        with pytest.raises(PlexdevError) as refusal:
            reserve(somebody.getsockname()[1], purpose="the API")

    assert refusal.value.tag == "port-taken"


def test_an_earlier_bind_on_the_other_localhost_cannot_listen() -> None:
    with _beside(0) as somebody:
        with hold_beside(somebody.getsockname()[1]), pytest.raises(OSError, match="Address already in use"):
            somebody.listen()
        somebody.listen()


def test_connections_of_an_earlier_server_do_not_keep_a_port() -> None:
    with _beside(0) as server:
        port = server.getsockname()[1]
        server.listen()
        with socket.create_connection(("::1", port)) as client:
            server.accept()[0].close()
            client.recv(1)

    reserve(port, purpose="the API").release()


def _beside(port: int) -> socket.socket:
    """A socket at ``::1`` with SO_REUSEADDR, like every server's."""
    try:
        sock = socket.socket(socket.AF_INET6)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("::1", port))
    except OSError:
        pytest.skip("this machine has no ::1")
    return sock


def _who_tries(program: str, port: int, *, as_nobody: bool) -> Mapping[str, str]:
    become: tuple[str, ...] = ()
    if as_nobody:
        if os.geteuid() != 0 or None in (shutil.which("setpriv"), shutil.which("/usr/bin/python3")):
            pytest.skip("only root, with setpriv and the system's python3, can be another user")
        become = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--")
    _beside(0).close()
    # The system's interpreter, because another user may not have access to ours.
    python = "/usr/bin/python3" if as_nobody else sys.executable
    done = subprocess.run([*become, python, "-c", program, str(port)], capture_output=True, text=True, check=True)
    output: Mapping[str, str] = json.loads(done.stdout)
    return output


def test_who_came_to_listen_at_a_held_port_is_told() -> None:
    held = reserve(purpose="NATS")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", held.number))
        other.listen()
        with pytest.raises(PlexdevError) as refusal:
            held.listen()
    held.release()

    assert refusal.value.tag == "port-taken"
    assert f"port {held.number} for NATS is taken by" in str(refusal.value)
    assert str(refusal.value).endswith("fix: run it again: every bring-up chooses other ports")
