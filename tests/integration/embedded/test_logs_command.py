"""``plexdev logs`` of several services of an embedded stack."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from tests.support.terminal import on_a_terminal

LOGS = (sys.executable, "-m", "pytest_plexdev.cli", "logs")
SHOWN = (*LOGS, "--tail", "1", "dex", "nats")
COLOURED = re.compile(r"\x1b\[\d+m(\w+) *\|\x1b\[0m ")


@pytest.fixture
def written(warm: StackInfo) -> Path:
    """The directory of the logs. Those of dex and nats have lines of known times."""
    logs = warm.directory / "logs"
    old, new = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age)) for age in (7200, 60))
    (logs / "dex.log").write_text(f"time={old} old\n  goes on\ntime={new} new\n  its end\n")
    (logs / "nats.log").write_text("no time\n")
    return logs


def test_without_a_name_every_line_has_its_service(written: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main.main(["logs"]) == 0

    lines = capfd.readouterr().out.splitlines()
    names = [line.split(" | ")[0].rstrip() for line in lines]
    assert {"dex", "nats", "postgres", "plexsphere", "supervisor"} <= set(names)
    assert names == sorted(names)
    width = max(map(len, names))
    assert f"{'nats':<{width}} | no time" in lines


def test_since_selects_by_the_times_in_the_lines(written: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main.main(["logs", "dex", "nats", "--since", "1h"]) == 0

    lines = capfd.readouterr().out.splitlines()
    assert [line.split(" ")[-1] for line in lines] == ["new", "end"]
    assert all(line.startswith("dex  | ") for line in lines)


def test_tail_selects_the_last_lines_of_each(written: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main.main(["logs", "nats", "dex", "--tail", "1"]) == 0
    assert capfd.readouterr().out == "nats | no time\ndex  |   its end\n"

    assert main.main(["logs", "dex", "--tail", "0"]) == 0
    assert capfd.readouterr().out == ""


def test_follow_prints_what_any_of_them_adds(written: Path) -> None:
    with subprocess.Popen([*LOGS, "-f", "--tail", "1", "dex", "nats"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        first = sorted(running.stdout.readline() for _ in range(2))
        with (written / "nats.log").open("a") as log:
            log.write("half ")
            log.flush()
            with (written / "dex.log").open("a") as other:
                other.write("added\n")
            then = running.stdout.readline()
            log.write("a line\n")
        last = running.stdout.readline()
        running.terminate()

    assert first == ["dex  |   its end\n", "nats | no time\n"]
    assert (then, last) == ("dex  | added\n", "nats | half a line\n")


def test_names_have_colours_on_a_terminal(written: Path) -> None:
    assert COLOURED.findall(on_a_terminal(SHOWN)) == ["dex", "nats"]
    assert "\x1b" not in on_a_terminal(SHOWN, NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(SHOWN, TERM="dumb")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--since 1x", "argument --since: 1x: must be a number with the unit s, m, h or d"),
        ("--tail -1", "argument --tail: "),
        ("--tail many", "argument --tail: many: must be a number of lines"),
    ],
)
def test_a_wrong_window_is_a_usage_error(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["logs", *words.split()])

    assert message in capsys.readouterr().err
