"""``plexdev status`` on a terminal, live, and for programs."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.cli.status_view import age
from pytest_plexdev.core.model import StackInfo
from tests.support.embedded import pid_of
from tests.support.terminal import on_a_terminal

STATUS = (sys.executable, "-m", "pytest_plexdev.cli", "status")
GREEN, RED = "\x1b[32m", "\x1b[31m"


def test_states_have_colours_on_a_terminal(warm: StackInfo) -> None:
    os.kill(pid_of(warm, "nats"), signal.SIGKILL)

    printed = on_a_terminal(STATUS)

    assert re.search(rf"^postgres +{re.escape(GREEN)}ready ", printed, re.MULTILINE)
    assert re.search(rf"^nats +{re.escape(RED)}gone ", printed, re.MULTILINE)
    assert "\x1b[1membedded stack warm, " in printed
    assert "\x1b" not in on_a_terminal(STATUS, NO_COLOR="1")


def test_the_live_table_shows_what_changes(warm: StackInfo) -> None:
    nats = pid_of(warm, "nats")
    timer = threading.Timer(3.0, os.kill, [nats, signal.SIGKILL])
    timer.start()

    on_a_terminal([*STATUS, "--watch"], until=["embedded stack warm", "nats", "ready", "ended with SIGKILL"])

    timer.join()


def test_the_live_table_needs_a_terminal(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["status", "--watch"])

    assert "plexdev status: error: --watch needs a terminal" in capsys.readouterr().err


def test_json_has_the_stack_and_its_age(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["status", "--json"]) == 0

    stack = json.loads(capsys.readouterr().out)["result"]["stack"]
    assert 0 <= stack.pop("age_s") < 600
    assert stack == {
        "provider": "embedded",
        "id": "warm",
        "api": warm.endpoints.api,
        "issuer": warm.endpoints.issuer,
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0 s"),
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60.0, "1 min"),
        (303.0, "5 min 3 s"),
        (7200.0, "2 h"),
        (187200.0, "2 d 4 h"),
    ],
)
def test_an_age_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert age(seconds) == text
