"""The choice of the engine, and the mapping of its errors. tests/e2e/test_engine.py uses a real engine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pytest_plexdev.core.cancellation import Cancelled, cancel, fail_after, spawn
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.docker_engine import ask, docker
from pytest_plexdev.stack.kind.cluster.node_container import find_container
from tests.support.engine import Engine, container, serving


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a machine whose docker command fails, and which has no engine by default."""
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'it failed' >&2; exit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def engine(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine at DOCKER_HOST."""
    with serving(machine) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        yield engine


def version(*, timeout: float = 30.0) -> str:
    return str(ask("docker version", lambda engine: engine.version(), timeout=timeout)["Version"])


def refused() -> PlexdevError:
    with pytest.raises(PlexdevError) as error:
        version()
    return error.value


def write_context(machine: Path, name: str, host: str) -> None:
    """Write a context as ``docker context create`` does, without selecting it."""
    config = machine / "config"
    subprocess.run(
        [sys.executable, "-c", CREATE, name, host], env={**os.environ, "DOCKER_CONFIG": str(config)}, check=True
    )


CREATE = """
import sys
from docker.context import ContextAPI
ContextAPI.create_context(sys.argv[1], host=sys.argv[2])
"""


@pytest.fixture
def config(machine: Path) -> Path:
    (machine / "config").mkdir()
    file = machine / "config" / "config.json"
    file.write_text("{}")
    return file


def test_the_engine_of_docker_host_is_asked(engine: Engine, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has precedence over a context, as in the docker command."""
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")

    assert version() == engine.version


@pytest.mark.parametrize("by", ["config.json", "DOCKER_CONTEXT"])
def test_the_engine_of_the_current_context_is_asked(
    engine: Engine, machine: Path, config: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    write_context(machine, "mine", engine.address)
    monkeypatch.delenv("DOCKER_HOST")
    if by == "DOCKER_CONTEXT":
        monkeypatch.setenv("DOCKER_CONTEXT", "mine")
    else:
        config.write_text(json.dumps({"currentContext": "mine"}))

    assert version() == engine.version


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"DOCKER_CONTEXT": "gone"}, 'context "gone" is not found'),
        ({"DOCKER_HOST": "nonsense"}, "nonsense"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/none"}, "certificate"),
        ({"DOCKER_HOST": "ssh://nobody@127.0.0.1"}, "paramiko"),
    ],
    ids=["context", "address", "certificates", "ssh without its package"],
)
def test_an_unknown_endpoint_is_told_from_a_silent_engine(
    machine: Path, config: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    error = refused()

    assert error.tag == "docker-endpoint"
    assert reason in str(error)


@pytest.mark.parametrize(
    ("name", "value"), [("config.json", "[]"), ("config.json", '{"currentContext": "gone"}'), ("context", "{")]
)
def test_a_damaged_configuration_is_no_engine_either(
    machine: Path, config: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if name == "context":
        write_context(machine, "mine", "tcp://127.0.0.1:1")
        next((machine / "config").rglob("meta.json")).write_text(value)
        monkeypatch.setenv("DOCKER_CONTEXT", "mine")
    else:
        config.write_text(value)

    assert refused().tag == "docker-endpoint"


def test_certificates_are_ignored_where_the_command_ignores_them(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CERT_PATH", "/none")

    assert version() == engine.version


def test_a_missing_or_closed_socket_is_a_silent_engine(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"unix://{machine}/s"
    monkeypatch.setenv("DOCKER_HOST", address)

    error = refused()

    assert error.tag == "docker-silent"
    assert str(error).startswith(f"plexdev[docker-silent]: Docker does not answer at {address}\n  why: No such file or")


def test_a_port_that_refuses_is_an_engine_that_does_not_answer(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{held.getsockname()[1]}")

        assert "why: Connection refused" in str(refused())


def test_a_socket_of_others_is_forbidden(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, for whom no socket has permissions.
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")

    error = refused()

    assert error.tag == "docker-forbidden"
    assert "this user has no permission to use Docker at unix:///var/run/docker.sock" in str(error)
    assert "usermod -aG docker" in str(error)


def test_a_silent_engine_costs_the_time_that_it_was_given(engine: Engine) -> None:
    engine.gate.clear()
    began = time.monotonic()

    with pytest.raises(PlexdevError, match=r"no answer within 0\.3 s") as error:
        version(timeout=0.3)

    assert error.value.tag == "docker-silent"
    assert time.monotonic() - began < 2


def test_a_silent_engine_does_not_delay_the_end_of_a_scope(engine: Engine) -> None:
    engine.node = container("c-control-plane", cluster="c")
    find_container("c")  # The SDK is imported by now.
    engine.gate.clear()

    with fail_after(60):
        lookup = spawn(partial(find_container, "c"))
        time.sleep(0.2)
        began = time.monotonic()
        cancel()

    assert time.monotonic() - began < 1
    assert isinstance(lookup.exception(timeout=0), Cancelled)


def test_an_answer_gets_no_more_than_the_scopes_time(engine: Engine) -> None:
    engine.gate.clear()
    began = time.monotonic()

    with pytest.raises(PlexdevError, match="docker-silent"), fail_after(0.1):
        version()

    assert time.monotonic() - began < 3


def test_what_nobody_waits_for_any_more_is_not_sent(engine: Engine) -> None:
    """Otherwise an engine that hung for a while could stop a node that is in use again."""
    engine.node = container("c")
    engine.gate.clear()

    with pytest.raises(PlexdevError, match="docker-silent"):
        ask("docker restart c", lambda engine: engine.restart("c"), timeout=0.2)
    engine.gate.set()
    version()

    assert engine.requests == []


class _Proxy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_proxy_of_the_environment_gets_no_request(machine: Path, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{held.getsockname()[1]}")

        assert refused().tag == "docker-silent"


def test_an_engine_error_names_the_equivalent_command(engine: Engine) -> None:
    engine.refuses["info"] = (500, "the daemon is shutting down")

    with pytest.raises(PlexdevError) as error:
        ask("docker info", lambda engine: engine.info())

    assert str(error.value).splitlines() == [
        "plexdev[docker-refused]: Docker refused the request of `docker info`: the daemon is shutting down",
        "  why: the engine answered with this error",
        "  fix: run the command and read its output",
    ]


def test_a_command_that_fails_where_no_engine_answers_says_that(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{machine}/s")

    with pytest.raises(PlexdevError, match="docker-silent"):
        docker("exec", "c", "true", purpose="a test")


def test_a_failed_docker_command_shows_its_output(engine: Engine) -> None:

    with pytest.raises(PlexdevError, match="it failed") as error:
        docker("exec", "c", "true", purpose="a test")

    assert error.value.tag == "command-failed"


def test_without_the_command_nothing_is_asked(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Images could not be built or loaded without it."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))

    assert refused().tag == "tool-missing"
    assert engine.requests == []


def test_what_is_asked_is_logged(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:

    with caplog.at_level("INFO", logger="plexdev"):
        version()

    assert caplog.messages == ["ask Docker: docker version"]
