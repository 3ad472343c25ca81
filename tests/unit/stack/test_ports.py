"""A port that is taken: by whom, and what to type."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.ports import reserve

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
    """A port that a program of this name listens on."""
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
def test_what_is_not_known_to_be_a_stack_of_ours_is_named_and_not_ended(taken: int, holder: str) -> None:
    with pytest.raises(PlexdevError) as refusal:
        reserve(taken, purpose="the API")

    assert refusal.value.tag == "port-taken"
    assert f"is taken by {holder}" in str(refusal.value)
    assert str(refusal.value).endswith("fix: take other ports, which are free: plexdev up --port 0 --idp-port 0")


def test_a_port_that_this_user_may_not_take_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)

    with pytest.raises(PlexdevError, match="port 80 for the API may not be taken by this user: Permission denied"):
        reserve(80, purpose="the API")
