"""Cancelled work in threads ends completely."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from pytest_plexdev.core.cancellation import Cancelled, cancel, fail_after, in_scope, shield, spawn, wait_all
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.wait import wait_ready
from tests.support.processes import assert_ends
from tests.support.waiting import until

SLEEPS = ["sh", "-c", "sleep 600 & echo $! > $0.half && mv $0.half $0; wait"]


def test_a_failure_ends_subprocesses_and_waits_for_cleanup(tmp_path: Path) -> None:
    def work() -> None:
        try:
            run([*SLEEPS, str(tmp_path / "pid")], timeout=600, purpose="")
        finally:
            with shield():
                run(["sh", "-c", f"sleep 0.3; touch {tmp_path}/taken-back"], timeout=30, purpose="")

    def fail() -> None:
        wait_for(tmp_path / "pid")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), fail_after(600):
        wait_all(spawn(work), spawn(fail))

    assert (tmp_path / "taken-back").exists()
    assert_ends(int((tmp_path / "pid").read_text()))


def test_what_was_given_up_starts_no_other_program(tmp_path: Path) -> None:
    goes_on = threading.Event()

    def work() -> None:
        goes_on.wait(30)
        run(["touch", str(tmp_path / "late")], timeout=30, purpose="")

    with fail_after(600):
        future = spawn(work)
        threading.Timer(0.2, goes_on.set).start()
        cancel()

    assert isinstance(future.exception(), Cancelled)
    assert not (tmp_path / "late").exists()


def test_threads_of_a_pool_take_part(tmp_path: Path) -> None:
    def pool() -> None:
        with ThreadPoolExecutor(2) as threads:
            program = in_scope(partial(run, timeout=600, purpose=""))
            list(threads.map(program, ([*SLEEPS, str(tmp_path / name)] for name in "ab")))

    began = time.monotonic()
    with fail_after(600):
        future = spawn(pool)
        wait_for(tmp_path / "a", tmp_path / "b")
        cancel()

    assert isinstance(future.exception(), Cancelled)
    assert time.monotonic() - began < 60


def test_a_program_has_what_is_left_of_the_time(tmp_path: Path) -> None:
    began = time.monotonic()

    with pytest.raises(PlexdevError) as error, fail_after(0.1):
        wait_all(spawn(partial(run, ["sleep", "600"], timeout=600, purpose="")))

    assert error.value.tag == "command-unfinished"
    assert "had not finished after 1 s" in str(error.value)
    assert time.monotonic() - began < 30


def test_ctrl_c_leaves_no_program(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
        from functools import partial
        from pytest_plexdev.core.subprocesses import run
        from pytest_plexdev.core.cancellation import spawn, wait_all
        from pytest_plexdev.core.cancellation import fail_after
        with fail_after(600):
            wait_all(*(spawn(partial(run, {SLEEPS} + ["{tmp_path}/" + n], timeout=600, purpose="")) for n in "ab"))
    """)
    ours = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, start_new_session=True)
    wait_for(tmp_path / "a", tmp_path / "b")
    ours.send_signal(signal.SIGINT)
    _, output = ours.communicate(timeout=30)

    assert output.endswith(b"KeyboardInterrupt\n")
    for name in "ab":
        assert_ends(int((tmp_path / name).read_text()))


def test_a_wait_for_objects_ends_with_the_work(tmp_path: Path) -> None:
    """Ctrl-C ends it at once, whatever the threads wait for."""
    access = Access(context="c", server="http://127.0.0.1:1", kubeconfig=tmp_path)
    with KubeClient(access) as client, fail_after(600):
        waiting = spawn(partial(wait_ready, client, [ObjectRef("Job", "j", "default")], timeout=600))
        time.sleep(0.3)
        assert not waiting.done()
        began = time.monotonic()
        cancel()

    assert time.monotonic() - began < 1
    assert isinstance(waiting.exception(), Cancelled)


def wait_for(*paths: Path) -> None:
    until(lambda: all(path.exists() for path in paths))
