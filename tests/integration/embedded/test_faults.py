"""The faults of a stack that one test has to itself: what its supervisor does, and that nothing of them is left."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.faults import EmbeddedFaults
from pytest_plexdev.stack.embedded.health import verdicts
from pytest_plexdev.stack.embedded.owner import SUPERVISOR
from tests.support.embedded import Bench, StartOwner, TracesOf, WithPrograms, pid_of
from tests.support.ended_stack import AT_ONCE


@pytest.fixture
def own(settings: EmbeddedSettings) -> EmbeddedSettings:
    """The settings of a stack that this process has to itself."""
    return replace(settings, tester=ProcessId.of(os.getpid()))


@pytest.fixture
def faults(bench: Bench, own: EmbeddedSettings) -> EmbeddedFaults:
    bench.up(own)
    return EmbeddedFaults(bench.directory)


def states(info: StackInfo) -> dict[str, str]:
    """The verdicts of the services that are not ready."""
    return {verdict.name: verdict.state for verdict in verdicts(info) if verdict.state != "ready"}


@pytest.mark.parametrize("service", ["postgres", "nats", "plexsphere", "dex"])
def test_a_service_is_paused_killed_and_started(faults: EmbeddedFaults, service: str) -> None:
    before = faults.reread()
    faults.pause(service)
    assert states(before) == {service: "waiting"}
    faults.resume(service)
    assert states(before) == {}

    faults.kill(service)
    (gone,) = [verdict for verdict in verdicts(before) if verdict.state != "ready"]
    assert (gone.name, gone.headline) == (service, "ended with SIGKILL: the test ended it")

    faults.start(service)
    after = faults.reread()
    assert states(after) == {}
    assert pid_of(after, service) != pid_of(before, service)
    assert after.endpoints == before.endpoints


def test_a_paused_service_is_killed_and_starts_again(faults: EmbeddedFaults) -> None:
    faults.pause("postgres")
    faults.kill("postgres")
    faults.start("postgres")

    assert states(faults.reread()) == {}


def test_an_ended_service_is_neither_paused_nor_killed(faults: EmbeddedFaults) -> None:
    faults.kill("nats")

    with pytest.raises(PlexdevError, match="nats cannot be paused, because it does not run") as caught:
        faults.pause("nats")
    with pytest.raises(PlexdevError, match="service-ended"):
        faults.kill("nats")
    assert 'fix: start it first: plexdev_own_stack.restart("nats")' in str(caught.value)


def test_variables_count_from_the_next_start(bench: Bench, own: EmbeddedSettings, with_programs: WithPrograms) -> None:
    bench.up(replace(own, programs=with_programs(api="needs-no-variable").programs))
    faults = EmbeddedFaults(bench.directory)
    faults.set_environment("plexsphere", {"BROKEN": "1", "PLEXSPHERE_ENV": None})

    with pytest.raises(PlexdevError) as caught:
        faults.start("plexsphere")

    assert caught.value.tag == "restart-failed"
    assert caught.value.what.endswith("after its restart: it exited with exit status 7")
    assert "BROKEN=1 PLEXSPHERE_ENV=None" in caught.value.detail
    faults.set_environment("plexsphere", {})
    faults.start("plexsphere")
    assert states(faults.reread()) == {}


def test_down_of_a_broken_stack_leaves_nothing(
    bench: Bench, own: EmbeddedSettings, faults: EmbeddedFaults, traces_of: TracesOf
) -> None:
    faults.pause("postgres")
    faults.pause("nats")
    faults.kill("dex")
    traces = traces_of(bench.directory)

    bench.provider(own).down(faults.reread())

    assert traces.left() == []


def test_supervisor_killed_while_services_are_paused(bench: Bench, faults: EmbeddedFaults, traces_of: TracesOf) -> None:
    faults.pause("postgres")
    faults.pause("nats")
    traces = traces_of(bench.directory)
    supervisor = SUPERVISOR.find(bench.directory)
    assert supervisor is not None

    supervisor.send(signal.SIGKILL)
    supervisor.close()

    ends = replace(traces, paths=frozenset(), segments=frozenset())  # files are swept by the next stack
    assert ends.left_after(AT_ONCE) == []


def test_it_ends_with_the_process_that_tests_it(
    bench: Bench, settings: EmbeddedSettings, start_owner: StartOwner, traces_of: TracesOf
) -> None:
    owner = start_owner(replace(settings, tester=ProcessId.of(os.getpid())))
    owner.wait_for("THE STACK IS UP")
    EmbeddedFaults(bench.directory).pause("nats")
    traces = traces_of(bench.directory)

    owner.process.kill()

    assert traces.left_after(AT_ONCE) == []


def test_a_shared_stack_takes_no_requests(bench: Bench, settings: EmbeddedSettings) -> None:
    bench.up(settings)

    with pytest.raises(PlexdevError, match="stack-shared"):
        EmbeddedFaults(bench.directory).kill("nats")
