"""What the benchmarks say where they cannot measure. What they measure is measured by running them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from benchmarks import __main__ as benchmarks
from pytest_plexdev.stack.embedded import settings


@pytest.fixture(params=["API_PORT", "IDP_PORT"])
def taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port of the warm stack at which somebody else listens; the real ones are the developer's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(settings, "API_PORT", 0)
        monkeypatch.setattr(settings, "IDP_PORT", 0)
        monkeypatch.setattr(settings, request.param, port)
        yield port


@pytest.mark.parametrize("name", ["golden_flow", "dev_stack", "control_plane"])
def test_one_that_needs_the_ports_of_another_stack_is_left_out(
    taken: int, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("something is measured")

    monkeypatch.setattr(f"benchmarks.{name}.seconds_of", refuse)

    assert benchmarks.main([name]) == 0

    said = capsys.readouterr().out
    assert f"left out: {name}: plexdev[port-taken]: port {taken} for the " in said
    assert f"(pid {os.getpid()})" in said
