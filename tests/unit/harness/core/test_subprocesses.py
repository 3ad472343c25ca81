"""Running programs: their output, and every way to fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.errors import PlexdevError
from tests.support.processes import assert_ends

PURPOSE = "the test wants it"


def failure(*argv: str, timeout: float = 30, **more: object) -> PlexdevError:
    with pytest.raises(PlexdevError) as caught:
        run(argv, timeout=timeout, purpose=PURPOSE, **more)  # type: ignore[arg-type]
    return caught.value


def test_a_program_that_ends_well_is_told_with_what_it_said() -> None:
    done = run(["sh", "-c", "cat; echo problem >&2"], timeout=30, purpose=PURPOSE, stdin=b"from us\n")

    assert (done.stdout, done.stderr) == ("from us\n", "problem\n")
    assert 0 < done.seconds < 30


def test_a_program_is_logged_as_it_can_be_pasted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="plexdev")
    run(["sh", "-c", "exit 0"], timeout=30, purpose=PURPOSE)

    assert [record.getMessage() for record in caplog.records] == ["run: sh -c 'exit 0'"]


def test_a_program_has_no_stdin_and_the_given_environment(tmp_path: Path) -> None:
    done = run(["sh", "-c", 'cat; echo "$WORD"'], timeout=30, purpose=PURPOSE, environment={"WORD": "x", **os.environ})

    assert done.stdout == "x\n"


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert run(["printf", r"\377"], timeout=30, purpose=PURPOSE).stdout == "\ufffd"


def test_a_program_that_is_not_there() -> None:
    error = failure("kubectl", environment={"PATH": "/nonexistent"})

    assert error.tag == "tool-missing"
    assert "install kubectl 1.32 or newer" in str(error)


def test_a_failure_can_be_pasted_and_shows_the_last_lines() -> None:
    error = failure("sh", "-c", "seq 40; seq 100 140 >&2; exit 7", "a b", fix="read it")

    lines = str(error).splitlines()
    assert (
        lines[0] == "plexdev[command-failed]: `sh -c 'seq 40; seq 100 140 >&2; exit 7' 'a b'` ended with exit status 7"
    )
    assert lines[1] == f"  why: {PURPOSE}"
    assert lines[2:-1] == [f"  | {number}" for number in range(126, 141)]
    assert lines[-1] == "  fix: read it"


def test_a_failure_that_says_nothing_on_stderr_shows_stdout() -> None:
    assert "  | on stdout" in str(failure("sh", "-c", "echo on stdout; exit 1"))


def test_a_program_that_is_killed_names_the_signal() -> None:
    assert "ended with SIGTERM" in str(failure("sh", "-c", "kill -TERM $$"))


def test_braces_in_what_is_run_are_no_templates() -> None:
    error = failure("sh", "-c", "echo '{y}' >&2; exit 1", "{x}", fix="kubectl get -o jsonpath={.x}")

    assert "{x}" in str(error)
    assert "  | {y}" in str(error)
    assert "fix: kubectl get -o jsonpath={.x}" in str(error)


def test_one_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    error = failure("sh", "-c", f"sleep 600 & echo $! > {tmp_path}/pid; echo so far; wait", timeout=0.5)

    assert error.tag == "command-unfinished"
    assert "after 0.5 s" in str(error)
    assert "  | so far" in str(error)
    assert time.monotonic() - began < 10
    assert_ends(int((tmp_path / "pid").read_text()))


def test_a_child_that_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    script = f"setsid sleep 60 & echo $! > {tmp_path}/pid; echo so far; wait"
    began = time.monotonic()
    try:
        error = failure("sh", "-c", script, timeout=0.5)
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    assert "  | so far" in str(error)
    assert time.monotonic() - began < 10


def test_ctrl_c_ends_it_with_what_it_started(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        from pytest_plexdev.core.subprocesses import run
        run(["sh", "-c", "sleep 600 & echo $! > {tmp_path}/half && mv {tmp_path}/half {tmp_path}/pid; wait"],
            timeout=600, purpose="")
    """)
    ours = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, start_new_session=True)
    while not (tmp_path / "pid").exists():
        assert ours.poll() is None
        time.sleep(0.01)
    ours.send_signal(signal.SIGINT)
    _, output = ours.communicate(timeout=30)

    assert output.endswith(b"KeyboardInterrupt\n")
    assert_ends(int((tmp_path / "pid").read_text()))
