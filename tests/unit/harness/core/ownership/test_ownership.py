"""Ownership of a directory by a lock on a file in it, across processes, PID namespaces and users."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from pytest_plexdev.core.ownership import lock
from pytest_plexdev.core.ownership.mark import MARK, Mark
from pytest_plexdev.core.ownership.process import find_owner
from pytest_plexdev.errors import PlexdevError
from tests.support.damage import DAMAGES, Damage

_OWNER = """
import sys
from pathlib import Path
from pytest_plexdev.core.ownership import lock as ownership
from pytest_plexdev.core.ownership.mark import MARK, Mark
how = ownership.own if sys.argv[1] == "own" else ownership.share
held = how(Path(sys.argv[2]), Mark.of_this_process("stack", "other"))
print("held", flush=True)
sys.stdin.read()
"""
_NEW_PID_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
StartOwner: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def start_owner(place: Path) -> Iterator[StartOwner]:
    """Start a process that owns the directory until its standard input is closed."""
    started: list[subprocess.Popen[str]] = []

    def start(how: str = "own", *, prefix: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        argv = [*prefix, sys.executable, "-c", _OWNER, how, str(place), *words]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _stack() -> Mark:
    return Mark.of_this_process("stack", "mine")


def test_an_owned_directory_is_not_seized_before_its_owner_ends(place: Path, start_owner: StartOwner) -> None:
    owner = start_owner()
    assert lock.is_owned(place)
    assert lock.seize(place, "stack") is None
    with pytest.raises(PlexdevError, match=r"owned-elsewhere.*\n.*process \d+ on"):
        lock.own(place, _stack())

    owner.kill()
    owner.wait()
    assert not lock.is_owned(place)
    seized = lock.seize(place, "stack")
    assert seized is not None
    assert seized.mark is not None
    assert seized.mark.name == "other"
    assert seized.remove() == []
    assert not place.exists()


def test_an_owner_in_another_pid_namespace_keeps_its_directory(place: Path, start_owner: StartOwner) -> None:
    if os.geteuid() != 0:
        pytest.skip("a PID namespace is made by root")
    start_owner(prefix=_NEW_PID_NAMESPACE)

    assert lock.is_owned(place)
    assert lock.seize(place, "stack") is None
    error = lock.elsewhere(place, what="the stack", command="plexdev down", instead="PLEXDEV_STATE_DIR")
    assert "in another container or PID namespace" in str(error)


def test_what_is_shared_is_seized_once_nobody_is_left(place: Path, start_owner: StartOwner) -> None:
    first, second = start_owner("share"), start_owner("share")
    first.kill()
    first.wait()
    assert lock.seize(place, "stack") is None

    second.kill()
    second.wait()
    assert lock.seize(place, "stack") is not None


def test_children_do_not_keep_what_their_parent_owned(place: Path) -> None:
    held = lock.own(place, _stack())
    read, write = os.pipe()
    forked = os.fork()
    if forked == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    with subprocess.Popen(["sleep", "60"]) as executed:
        held.release()
        try:
            assert not lock.is_owned(place)
        finally:
            executed.kill()
            os.close(write)
            os.close(read)
            os.waitpid(forked, 0)


def test_only_known_names_are_deleted_and_what_is_left_is_said(place: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "deep").mkdir(parents=True)
    (place / "logs" / "deep").mkdir(parents=True)
    (place / "logs" / "link").symlink_to(victim)
    (place / "ends").symlink_to(victim)
    (place / "stack.json").touch()
    (place / ".stack.json.0123456789ab").touch()
    (place / "mine.txt").touch()

    assert lock.own(place, _stack()).remove("logs", "ends", "stack.json") == ["mine.txt"]
    assert sorted(os.listdir(place)) == ["mine.txt", MARK]  # noqa: PTH208
    assert (victim / "deep").is_dir()

    seized = lock.seize(place, "stack")
    assert seized is not None
    assert seized.remove("mine.txt") == []
    assert not place.exists()


@pytest.mark.parametrize("undeletable", ["stack.json", "logs/nats.log"])
def test_an_undeletable_file_is_named_and_the_rest_is_deleted(
    place: Path, immutable: Callable[[Path], None], undeletable: str
) -> None:
    (place / "logs").mkdir()
    for name in ("logs/nats.log", "logs/postgres.log", "stack.json"):
        (place / name).touch()
    immutable(place / undeletable)

    with pytest.raises(PlexdevError) as refusal:
        lock.own(place, _stack()).remove("logs", "stack.json")

    assert str(refusal.value).startswith(
        f"plexdev[undeletable]: {place / undeletable} could not be deleted: Operation not permitted\n"
    )
    left = [path for path in place.rglob("*") if path.is_file()]
    assert sorted(left) == sorted([place / MARK, place / undeletable])
    assert not lock.is_owned(place)


def test_a_directory_of_another_kind_is_not_seized(place: Path) -> None:
    assert lock.seize(place, "stack", damaged_too=True) is None
    lock.own(place, _stack()).release()
    assert lock.seize(place, "run", "scratch") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "\0\xff", '{"kind": "stack", "name": 1}', '{"kind": "no", "name": "x"}']
)
def test_a_damaged_mark_is_seized_only_on_request(place: Path, text: str) -> None:
    (place / MARK).write_text(text, encoding="latin-1")
    (place / MARK).chmod(0o600)

    found = lock.look(place)
    assert found is not None
    assert found.mark is None
    assert lock.seize(place, "stack") is None
    seized = lock.seize(place, "stack", damaged_too=True)
    assert seized is not None
    seized.release()


def _fifo(mark: Path) -> None:
    os.mkfifo(mark, 0o600)


def _link(mark: Path) -> None:
    mark.symlink_to("/etc/passwd")


def _directory(mark: Path) -> None:
    mark.mkdir(mode=0o700)


def _writable(mark: Path) -> None:
    mark.touch()
    mark.chmod(0o666)


@pytest.mark.parametrize("damage", [_fifo, _link, _directory, _writable])
def test_a_replaced_mark_is_refused_by_name(place: Path, damage: Callable[[Path], None]) -> None:
    damage(place / MARK)

    for ask in (
        lock.is_owned,
        lambda each: lock.seize(each, "stack"),
        lambda each: lock.own(each, _stack()),
    ):
        with pytest.raises(PlexdevError, match=r"untrusted-path.*plexdev-owner\.json"):
            ask(place)


def test_a_directory_that_others_own_or_may_write_to_is_refused(place: Path) -> None:
    place.chmod(0o777)
    with pytest.raises(PlexdevError, match="others may write to it"):
        lock.own(place, _stack())
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    place.chmod(0o700)
    os.chown(place, 1, 1)
    with pytest.raises(PlexdevError, match="it belongs to the user with id 1"):
        lock.is_owned(place)


def test_the_umask_takes_nothing_from_the_mark(place: Path) -> None:
    before = os.umask(0o777)
    try:
        lock.own(place, _stack()).release()
    finally:
        os.umask(before)
    assert (place / MARK).stat().st_mode & 0o777 == 0o600


def test_the_owner_is_found_by_its_open_file_and_its_program(place: Path, start_owner: StartOwner) -> None:
    owner = start_owner(words=("pytest_plexdev.some.program",))
    (place / MARK).write_text('{"kind": "stack", "name": "x", "pid": 1, "started": 1}')

    assert find_owner(place, "another.program") is None
    found = find_owner(place, "pytest_plexdev.some.program")
    assert found is not None
    with found:
        assert found.process.pid == owner.pid
        found.send(signal.SIGKILL)
        assert found.wait(5)
    assert find_owner(place, "pytest_plexdev.some.program") is None


@pytest.mark.parametrize("damage", [*DAMAGES.values(), Path.unlink])
def test_the_owner_of_a_replaced_file_is_found(
    place: Path, start_owner: StartOwner, tmp_path: Path, damage: Damage
) -> None:
    module = "pytest_plexdev.some.program"
    owner = start_owner(words=(module,))
    damage(place / MARK)
    (tmp_path / "other").mkdir(mode=0o700)
    (tmp_path / "other" / "plexdev-owner.json").touch(mode=0o600)

    found = find_owner(place, module)
    assert found is not None
    with found:
        assert found.process.pid == owner.pid
    assert find_owner(place, "another.program") is None
    assert find_owner(tmp_path / "other", module) is None


def test_a_program_that_has_a_directory_open_does_not_own_it(place: Path) -> None:
    module = "pytest_plexdev.some.program"
    looks = "import os, sys; os.open(sys.argv[1], os.O_RDONLY); print('opened', flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", looks, str(place), module]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opened\n"
        assert find_owner(place, module) is None
        process.communicate()


def test_a_deleted_directory_has_no_owner(place: Path) -> None:
    held = lock.own(place, _stack())
    shutil.rmtree(place)
    place.mkdir(mode=0o700)

    with lock.own(place, _stack()):
        assert lock.is_owned(place)
    held.release()
