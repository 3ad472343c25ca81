"""Polling: its times, its results and its errors."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from freezegun import freeze_time

import pytest_plexdev
from pytest_plexdev.core.cancellation import Cancelled, cancel, fail_after, spawn
from pytest_plexdev.core.poll import poll


def test_a_true_value_is_returned_at_once() -> None:
    began = time.monotonic()

    assert poll(lambda: "ready", every_s=60.0) == "ready"
    assert time.monotonic() - began < 1.0


def test_it_looks_until_the_value_is_true() -> None:
    values: Iterator[str] = iter(["", "", "ready", "later"])

    assert poll(lambda: next(values), every_s=0.001) == "ready"
    assert next(values) == "later"


def test_the_condition_may_be_of_the_value() -> None:
    values = iter([1, 2, 3, 4])

    assert poll(lambda: next(values), until=lambda value: value > 2, every_s=0.001) == 3


def test_the_last_value_is_returned_at_the_timeout() -> None:
    looks: list[float] = []

    def look() -> None:
        looks.append(time.monotonic())

    began = time.monotonic()
    assert poll(look, every_s=0.05, timeout_s=0.2) is None
    assert looks[0] - began < 0.05
    assert looks[-1] - began >= 0.2, "it looks once more after the time is up"
    assert 3 <= len(looks) <= 6


def test_it_ends_while_the_clock_is_frozen() -> None:
    with freeze_time("2026-01-01"):
        assert poll(lambda: False, every_s=0.01, timeout_s=0.05) is False


def test_a_timeout_of_zero_looks_once() -> None:
    values = iter([0, 1])

    assert poll(lambda: next(values), every_s=60.0, timeout_s=0.0) == 0


def test_an_error_is_raised_at_once() -> None:
    def look() -> bool:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        poll(look, every_s=60.0)


def test_an_error_to_retry_on_counts_as_a_false_value() -> None:
    values: Iterator[object] = iter([OSError("first"), OSError("second"), "ready"])

    def look() -> object:
        value = next(values)
        if isinstance(value, OSError):
            raise value
        return value

    assert poll(look, every_s=0.001, retry_on=lambda error: isinstance(error, OSError)) == "ready"


def test_the_last_error_is_raised_at_the_timeout() -> None:
    count = iter(range(1000))

    def look() -> bool:
        raise OSError(f"look {next(count)}")

    with pytest.raises(OSError, match=r"^look [1-9]\d*$"):
        poll(look, every_s=0.01, timeout_s=0.05, retry_on=lambda error: isinstance(error, OSError))


def test_another_error_ends_it() -> None:
    errors: Iterator[Exception] = iter([OSError("wait"), ValueError("wrong")])

    def look() -> bool:
        raise next(errors)

    with pytest.raises(ValueError, match="wrong"):
        poll(look, every_s=0.001, retry_on=lambda error: isinstance(error, OSError))


def test_cancelling_its_scope_ends_it() -> None:
    polling = threading.Event()

    def look() -> None:
        polling.set()

    with fail_after(60.0):
        future = spawn(lambda: poll(look, every_s=0.01))
        assert polling.wait(5.0)
        cancel()
        with pytest.raises(Cancelled):
            future.result(timeout=5.0)


def test_tenacity_is_not_imported_for_a_condition_that_is_true() -> None:
    code = (
        "import sys; from pytest_plexdev.core.poll import poll; poll(lambda: True, every_s=1.0);"
        "sys.exit('tenacity' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_last_pause_ends_at_the_timeout() -> None:
    began = time.monotonic()

    assert poll(lambda: False, every_s=60.0, timeout_s=0.05) is False
    assert time.monotonic() - began < 30.0


def test_nothing_else_in_the_harness_sleeps() -> None:
    package = Path(pytest_plexdev.__file__).parent
    sleeping = [
        f"{module.relative_to(package)}:{node.lineno}"
        for module in sorted(package.rglob("*.py"))
        if module != package / "core" / "poll.py"
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Attribute, ast.ImportFrom)) and is_time_sleep(node)
    ]

    assert sleeping == []


def is_time_sleep(node: ast.Attribute | ast.ImportFrom) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "time" and any(name.name == "sleep" for name in node.names)
    return node.attr == "sleep" and isinstance(node.value, ast.Name) and node.value.id == "time"
