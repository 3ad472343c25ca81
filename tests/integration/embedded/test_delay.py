"""The delay of a service: its clients wait for its answers, at the same address, until it is undone or it has ended."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.faults import EmbeddedFaults
from pytest_plexdev.stack.embedded.health import verdicts
from tests.support.embedded import Bench, TracesOf

DELAY_S = 0.4


@pytest.fixture
def own(settings: EmbeddedSettings) -> EmbeddedSettings:
    return replace(settings, tester=ProcessId.of(os.getpid()))


@pytest.fixture
def faults(bench: Bench, own: EmbeddedSettings) -> Iterator[EmbeddedFaults]:
    bench.up(own)
    yield EmbeddedFaults(bench.directory)
    assert [log for log in bench.directory.glob("logs/supervisor.log") if "Traceback" in log.read_text()] == []


def unready(info: StackInfo) -> list[str]:
    """The services that are not ready, each with the first line of its state."""
    return [f"{each.name}: {each.headline}" for each in verdicts(info) if each.state != "ready"]


def test_answers_come_later_until_it_is_undone(faults: EmbeddedFaults) -> None:
    before = faults.reread()
    for service in ("plexsphere-signer", "postgres", "nats", "plexsphere", "dex"):
        faults.set_delay(service, DELAY_S)
        faults.start(service)

        began = time.monotonic()
        assert unready(faults.reread()) == []
        assert time.monotonic() - began >= DELAY_S
        assert faults.reread().endpoints == before.endpoints

        faults.set_delay(service, 0)
        faults.start(service)
        assert unready(faults.reread()) == []


def test_clients_of_a_delayed_service_that_is_killed_are_refused(faults: EmbeddedFaults) -> None:
    api = faults.reread().endpoints.api
    faults.set_delay("plexsphere", DELAY_S)
    faults.start("plexsphere")
    assert httpx.get(api, trust_env=False).status_code == 200

    faults.kill("plexsphere")
    with pytest.raises(httpx.ConnectError):
        httpx.get(api, trust_env=False)
    faults.start("plexsphere")

    began = time.monotonic()
    assert httpx.get(api, trust_env=False).status_code == 200
    assert time.monotonic() - began >= DELAY_S


def test_down_of_a_delayed_stack_leaves_nothing(
    bench: Bench, own: EmbeddedSettings, faults: EmbeddedFaults, traces_of: TracesOf
) -> None:
    for service in ("postgres", "plexsphere-signer"):
        faults.set_delay(service, DELAY_S)
        faults.start(service)
    traces = traces_of(bench.directory)

    bench.provider(own).down(faults.reread())

    assert traces.left() == []
