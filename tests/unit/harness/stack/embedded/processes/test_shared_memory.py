"""Removal of the shared memory segment of a killed Postgres, and of no other segment."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_plexdev.stack.embedded.processes.shared_memory import release

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
LIBC.shmdt.argtypes = [ctypes.c_void_p]
IPC_RMID, IPC_STAT, IPC_CREAT = 0, 2, 0o1000
# The kernel's keys are signed: Postgres writes a high one as an unsigned long.
KEYS = (0x5EED0001, 0x9EED0001)


@dataclass(frozen=True)
class Segment:
    key: int
    identifier: int

    @property
    def is_there(self) -> bool:
        return bool(LIBC.shmctl(self.identifier, IPC_STAT, ctypes.create_string_buffer(256)) == 0)


@pytest.fixture(params=KEYS, ids=hex)
def segment(request: pytest.FixtureRequest) -> Iterator[Segment]:
    key = ctypes.c_int32(request.param).value
    identifier = LIBC.shmget(key, 4096, IPC_CREAT | 0o600)
    if identifier < 0:
        pytest.skip(f"no shared memory: {os.strerror(ctypes.get_errno())}")
    yield Segment(key, identifier)
    LIBC.shmctl(identifier, IPC_RMID, None)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path


def note(data: Path, *, key: int, identifier: int) -> None:
    unsigned = ctypes.c_uint64(key).value
    (data / "postmaster.pid").write_text(f"1\n{data}\n1\n5432\n/tmp\n\n{unsigned:9} {identifier:9}\nready\n")


def test_the_segment_of_a_killed_server_is_removed(segment: Segment, data: Path) -> None:
    note(data, key=segment.key, identifier=segment.identifier)
    release(data)
    assert not segment.is_there


def test_a_segment_of_another_key_stays(segment: Segment, data: Path) -> None:
    note(data, key=segment.key + 1, identifier=segment.identifier)
    release(data)
    assert segment.is_there


def test_a_segment_that_somebody_is_attached_to_stays(segment: Segment, data: Path) -> None:
    note(data, key=segment.key, identifier=segment.identifier)
    address = LIBC.shmat(segment.identifier, None, 0)
    try:
        release(data)
        assert segment.is_there
    finally:
        LIBC.shmdt(address)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a server of another user")
def test_a_segment_of_another_user_than_the_data_s_stays(segment: Segment, data: Path) -> None:
    note(data, key=segment.key, identifier=segment.identifier)
    os.chown(data, 65534, 65534)
    release(data)
    assert segment.is_there


def test_a_link_in_the_place_of_the_data_is_not_followed(segment: Segment, data: Path, tmp_path: Path) -> None:
    note(data, key=segment.key, identifier=segment.identifier)
    (tmp_path / "link").symlink_to(data)
    release(tmp_path / "link")
    assert segment.is_there


@pytest.mark.parametrize("text", ["", "1\n" * 6 + "x y\n", "1\n" * 6 + "1 2 3\n", "1\n" * 6 + "9" * 400 + " 1\n"])
def test_a_damaged_note_removes_nothing(data: Path, text: str) -> None:
    (data / "postmaster.pid").write_text(text)
    release(data)
