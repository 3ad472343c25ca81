"""A stack with edited, damaged, replaced or deleted files: `plexdev down` stops it and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.ownership.lock import is_owned, own
from pytest_plexdev.core.ownership.mark import MARK, Mark
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.removal import sweep
from pytest_plexdev.stack.embedded.warm import bring_up_warm, find_warm, warm_directory
from tests.support.damage import DAMAGES, Damage
from tests.support.embedded import Bench, TracesOf, warm_scratch
from tests.support.waiting import until


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    (tmp_path / "plexdev-victim" / "deep").mkdir(parents=True)
    (tmp_path / "plexdev-victim" / "deep" / "thesis.txt").touch()
    return tmp_path / "plexdev-victim"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_edited_files_name_victims_and_both_survive(
    warm: StackInfo, victim: Path, bystander: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    scratch, place = warm_scratch(), warm_directory()
    mark = json.loads((place / MARK).read_text())
    started = Path(f"/proc/{bystander.pid}/stat").read_text().rpartition(")")[2].split()[19]
    edited = {**mark, "pid": bystander.pid, "started": int(started), "counterpart": str(victim)}
    (place / MARK).write_text(json.dumps(edited))
    (place / "supervisor.json").write_text(json.dumps({**edited, "scratch": str(victim)}))
    info = json.loads((place / "stack.json").read_text())
    for service in info["services"]:
        service["pid"] = bystander.pid
    (place / "stack.json").write_text(json.dumps({**info, "directory": str(victim)}))

    assert main.main(["status", "--stack", "embedded"]) == 0
    assert main.main(["down", "--stack", "embedded"]) == 0

    assert f"{place}: plexdev did not create supervisor.json" in capsys.readouterr().out
    assert (victim / "deep" / "thesis.txt").exists()
    assert bystander.poll() is None
    assert not is_owned(place)
    assert not scratch.exists()


def test_an_edited_mark_of_a_killed_stack_deletes_nothing_else(warm: StackInfo, victim: Path) -> None:
    scratch, place = warm_scratch(), warm_directory()
    mark = json.loads((place / MARK).read_text())
    os.kill(mark["pid"], signal.SIGKILL)
    until(lambda: not is_owned(place))
    (place / MARK).write_text(json.dumps({**mark, "counterpart": str(victim)}))

    assert main.main(["down", "--stack", "embedded"]) == 0

    assert (victim / "deep" / "thesis.txt").exists()
    assert not place.exists()
    assert scratch.exists()
    sweep()
    assert not scratch.exists()


@pytest.mark.parametrize("text", ["/tmp/plexdev-\0x", "/tmp/plexdev-\ud800x"], ids=["NUL", "surrogate"])
@pytest.mark.parametrize("member", ["counterpart", "name", "host"])
def test_down_ends_a_stack_whose_mark_has_an_invalid_path(
    warm: StackInfo, settings: EmbeddedSettings, member: str, text: str
) -> None:
    place = warm_directory()
    mark = json.loads((place / MARK).read_text())
    os.kill(mark["pid"], signal.SIGKILL)
    until(lambda: not is_owned(place))
    (place / MARK).write_text(json.dumps({**mark, member: text}))

    assert main.main(["down", "--stack", "embedded"]) == 0
    assert not place.exists()
    assert bring_up_warm(replace(settings, id="warm"), lambda event: None)[1]


@pytest.mark.parametrize("text", ["/tmp/\0x", "/tmp/\ud800x"], ids=["NUL", "surrogate"])
def test_a_stack_file_with_a_path_that_is_none_is_damaged(
    warm: StackInfo, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = warm.directory / "stack.json"
    document = json.loads(file.read_text())
    document["services"][0]["log"] = text
    file.write_text(json.dumps(document))

    for command in ("status", "up", "doctor", "env"):
        assert main.main([command, *(["--stack", "embedded"] if command != "doctor" else [])]) == 1
        printed = capsys.readouterr()
        assert f"{file} is not in the format that plexdev writes" in printed.out + printed.err, command


_READERS = ("status", "wait", "env", "logs", "doctor", "up")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["stack.json", MARK, "ends/nats.json"])
def test_no_damaged_file_is_a_traceback_or_a_hang(
    state: Path, capsys: pytest.CaptureFixture[str], name: str, damage: str
) -> None:
    place = warm_directory()
    state.mkdir(mode=0o700)
    place.mkdir(mode=0o700)
    (place / "ends").mkdir(mode=0o700)
    held = own(place, Mark.of_this_process("stack", "warm"))
    (place / "stack.json").write_text(_INFO.format(directory=place))
    (place / "stack.json").chmod(0o600)
    DAMAGES[damage](place / name)

    for reader in _READERS:
        # `up` is refused before it starts a stack, or finds this one, or begins with one on free ports.
        options = ["--timeout", "0.1"] if reader in ("wait", "up") else []
        options += ["--port", "0", "--idp-port", "0"] if reader == "up" else []
        chosen = [] if reader == "doctor" else ["--stack", "embedded"]
        status = main.main([reader, *chosen, *options])
        captured = capsys.readouterr()
        assert status in (0, 1, 124), reader
        assert "Traceback" not in captured.out + captured.err
        assert not captured.err or "plexdev" in captured.err
    held.release()
    assert main.main(["down", "--stack", "embedded"]) in (0, 1)
    shutil.rmtree(place, ignore_errors=True)


_INFO = """{{"provider": "embedded", "id": "warm", "directory": "{directory}", "started_at": 1.0,
"endpoints": {{"api": "http://localhost:9", "issuer": "http://localhost:9/dex", "database": "postgresql://a@127.0.0.1:9/a",
"nats": "nats://127.0.0.1:9", "signer": "127.0.0.1:9"}}, "services": [{{"name": "nats", "version": "1"}}]}}"""


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("stack.json", DAMAGES["directory"]),
        (MARK, DAMAGES["list"]),
        (MARK, DAMAGES["fifo"]),
        (MARK, DAMAGES["link"]),
        (MARK, Path.unlink),
    ],
)
def test_down_ends_a_stack_whose_files_were_replaced(
    warm: StackInfo, traces_of: TracesOf, capsys: pytest.CaptureFixture[str], name: str, damage: Damage
) -> None:
    traces = traces_of(warm_directory())
    damage(warm_directory() / name)

    assert main.main(["down", "--stack", "embedded"]) == 0

    assert capsys.readouterr().out == "plexdev: the stack is down\n"
    assert traces.left() == []


@pytest.mark.parametrize(
    ("name", "damage"),
    [("stack.json", "list"), ("stack.json", "fifo"), ("stack.json", "directory"), (MARK, "list"), (MARK, "fifo")],
)
def test_down_ends_a_damaged_kept_stack_by_its_directory(
    bench: Bench, settings: EmbeddedSettings, traces_of: TracesOf, state: Path, name: str, damage: str
) -> None:
    bench.up(settings)
    traces = traces_of(bench.directory)
    DAMAGES[damage](bench.directory / name)

    assert main.main(["down", "--directory", str(bench.directory)]) == 0
    assert traces.left() == []


def test_a_supervisor_also_removes_what_replaced_its_files(warm: StackInfo, traces_of: TracesOf) -> None:
    traces = traces_of(warm_directory())
    supervisor = json.loads((warm_directory() / MARK).read_text())["pid"]
    DAMAGES["directory"](warm_directory() / "stack.json")

    os.kill(supervisor, signal.SIGTERM)

    assert traces.left_after(5) == []


def test_down_prints_how_to_remove_a_directory_named_as_the_mark(
    warm: StackInfo, traces_of: TracesOf, capsys: pytest.CaptureFixture[str]
) -> None:
    traces, mark = traces_of(warm_directory()), warm_directory() / MARK
    DAMAGES["directory"](mark)

    assert main.main(["down", "--stack", "embedded"]) == 1
    assert f"then rm -r {mark}\n" in capsys.readouterr().err
    assert traces.left() == [warm_directory()]
    shutil.rmtree(mark)
    assert main.main(["down", "--stack", "embedded"]) == 0
    assert "nothing to stop" in capsys.readouterr().out


def test_up_replaces_a_stack_whose_mark_was_replaced(
    warm: StackInfo, settings: EmbeddedSettings, traces_of: TracesOf
) -> None:
    traces = traces_of(warm_directory())
    DAMAGES["list"](warm_directory() / MARK)

    again, is_new = bring_up_warm(replace(settings, id="warm"), lambda event: None)

    assert is_new
    assert traces.left() == [warm_directory()]
    assert find_warm() == again


@pytest.mark.parametrize("deleted", ["state directory", "directory", "mark"])
def test_every_command_finds_a_stack_whose_files_were_deleted(
    warm: StackInfo, state: Path, traces_of: TracesOf, capsys: pytest.CaptureFixture[str], deleted: str
) -> None:
    traces, place = traces_of(warm_directory()), warm_directory()
    if deleted == "mark":
        (place / MARK).unlink()
    else:
        shutil.rmtree(state if deleted == "state directory" else place)

    for command in ("status", "wait", "env"):
        assert main.main([command, "--stack", "embedded"]) == 1, command
        output = capsys.readouterr().err
        assert f"is incomplete: its files in {place} were deleted or replaced" in output
        assert "fix: plexdev down --stack embedded && plexdev up\n" in output
    main.main(["doctor"])
    assert f"its files in {place} were deleted or replaced" in capsys.readouterr().out
    assert main.main(["down", "--stack", "embedded"]) == 0

    assert capsys.readouterr().out == "plexdev: the stack is down\n"
    assert traces.left() == []
    assert main.main(["status", "--stack", "embedded"]) == 1
    assert "plexdev[stack-missing]" in capsys.readouterr().err


@pytest.mark.parametrize("deleted", ["state directory", "mark", "scratch directory too"])
def test_up_replaces_a_stack_whose_files_were_deleted(
    warm: StackInfo, state: Path, settings: EmbeddedSettings, traces_of: TracesOf, deleted: str
) -> None:
    traces = traces_of(warm_directory())
    if deleted == "scratch directory too":
        shutil.rmtree(warm_scratch())
    if deleted == "mark":
        (warm_directory() / MARK).unlink()
    else:
        shutil.rmtree(state)

    again, is_new = bring_up_warm(replace(settings, id="warm"), lambda event: None)

    assert is_new
    assert traces.left() == [warm_directory()]
    assert find_warm() == again


@pytest.mark.parametrize("name", ["stack.json", "logs/nats.log"])
def test_down_names_the_file_that_it_cannot_delete(
    warm: StackInfo,
    immutable: Callable[[Path], None],
    traces_of: TracesOf,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    traces = traces_of(warm_directory())
    immutable(warm_directory() / name)

    assert main.main(["down", "--stack", "embedded"]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert (
        f"plexdev[undeletable]: {warm_directory() / name} could not be deleted: Operation not permitted" in captured.err
    )
    assert traces.left() == [warm_directory()]
    subprocess.run(["chattr", "-i", str(warm_directory() / name)], check=True)
    assert main.main(["down", "--stack", "embedded"]) == 0
    assert not warm_directory().exists()
