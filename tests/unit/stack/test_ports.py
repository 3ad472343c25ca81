"""A port that is taken: by whom, and what to type."""

from __future__ import annotations

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
    ("taken", "fix"),
    [
        (("server",), "fix: stop server (pid "),
        (("server", "plexsphere_reference"), "fix: plexdev down; or use a fresh stack"),
        (("docker-proxy",), "fix: docker stop $(docker ps -q --filter publish={port}), or of a cluster of plexdev's: "),
    ],
    indirect=["taken"],
)
def test_what_to_type_ends_what_holds_it(taken: int, fix: str) -> None:
    with pytest.raises(PlexdevError) as refusal:
        reserve(taken, purpose="the API")

    assert refusal.value.tag == "port-taken"
    assert fix.format(port=taken) in str(refusal.value)
