"""Which runs are recorded as users of the warm stack."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pytest_plexdev.core.model import KEPT_MARK, Cluster, Endpoints, StackInfo
from pytest_plexdev.core.ownership.run_directory import hold
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack import uses


def stack(directory: Path, *, id: str = "warm", owned: bool | None = None) -> StackInfo:  # noqa: A002 - the field's name
    cluster = None
    if owned is not None:
        cluster = Cluster(
            name="c", context="kind-c", kubeconfig=directory / "kubeconfig", namespace="default", owned=owned
        )
    at = Endpoints(api="http://localhost:1", issuer="http://localhost:2")
    return StackInfo(
        provider="kind" if cluster else "embedded",
        id=id,
        directory=directory,
        endpoints=at,
        started_at=0.0,
        cluster=cluster,
    )


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def refusal(info: StackInfo) -> str:
    try:
        uses.refuse_used(info, "plexdev reset", why="it ends")
    except PlexdevError as error:
        return str(error)
    return ""


def test_a_run_counts_for_the_stack_that_it_uses(tmp_path: Path) -> None:
    use = uses.record(stack(tmp_path), controller_pid=os.getpid())
    assert use is not None

    assert f"(pid {os.getpid()}), so it was not changed" in refusal(stack(tmp_path))
    assert "; then: plexdev reset --stack embedded" in refusal(stack(tmp_path))
    assert refusal(stack(tmp_path, owned=True)) == ""

    use.release()
    use.release()
    assert refusal(stack(tmp_path)) == ""


def test_a_fork_does_not_go_on_with_the_use_of_its_parent(tmp_path: Path) -> None:
    use = uses.record(stack(tmp_path), controller_pid=os.getpid())
    assert use is not None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"forked")
        signal.pause()
    os.read(reader, 6)
    use.close()  # as if this process ended

    assert refusal(stack(tmp_path)) == ""

    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(writer)
    os.close(reader)


def test_a_stack_of_somebody_else_is_not_recorded(tmp_path: Path, state: Path) -> None:
    assert uses.record(stack(tmp_path, owned=False), controller_pid=os.getpid()) is None
    assert not state.exists()


def test_a_state_directory_that_cannot_be_written_costs_no_run(tmp_path: Path, state: Path) -> None:
    state.write_text("a file")

    assert uses.record(stack(tmp_path), controller_pid=os.getpid()) is None


def test_the_stack_of_a_run_belongs_to_it_until_it_is_kept(tmp_path: Path) -> None:
    directory = tmp_path / "plexdev-0" / "stack"
    with hold(directory.parent):
        directory.mkdir()
        text = refusal(stack(directory, id="run"))
        assert f"is used by the test run that started it (its mark names process {os.getpid()} on " in text
        assert f"or end it: kill {os.getpid()}; then: plexdev reset --directory {directory}" in text

        (directory / KEPT_MARK).touch()
        assert refusal(stack(directory, id="run")) == ""
