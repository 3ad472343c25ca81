"""The output directory: one folder per test; files of the user are never removed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytest_plexdev.session.output_directory import Output, folder_name, read_end

IDS = [
    "test_a.py::test_x",
    "test_a.py::test_x[1]",
    "test_a.py::test_x[-1]",
    "test_a.py::test_x[a/b]",
    "test_a.py::test_x[a-b]",
    "test_a.py::test_x[A-b]",
    "test_a.py::test_X",
    "test_a.py::test_x[..]",
    "test_a.py::test_x[../../..]",
    "test_a.py::test_x[]",
    "test_a.py::test_x[ü]",
    "test_a.py::test_x[日本語]",
    "test_a.py::test_x[\udcff]",
    "test_a.py::test_x[" + "long" * 200 + "]",
    "test_a.py::test_x[" + "long" * 200 + "er]",
    "a/test_a.py::test_x",
    "a/b.py::test_x",
    "a-b.py::test_x",
    "a::b.py::test_x",
    "a_b.py::test_x",
    "a.b.py::test_x",
    "../test_a.py::test_x",
    "con.py::nul",
    "test_a.py::" + "n" * 400,
    "..",
    "",
]


def test_every_test_has_its_own_portable_folder_name() -> None:
    names = [folder_name(test) for test in IDS]

    assert len({name.casefold() for name in names}) == len(IDS)
    for name in names:
        assert 0 < len(name.encode("ascii")) <= 255
        assert Path(name).name == name
        assert name not in {".", "..", "bring-up"}


def test_a_folder_is_called_as_its_test_is() -> None:
    assert folder_name("tests/test_a.py::test_x") == "tests-test_a.py-test_x"
    assert folder_name("test_a.py::TestB::test_x[1-two]").startswith("test_a.py-TestB-test_x-1-two--")


def test_what_is_written_again_replaces_what_was_there(tmp_path: Path) -> None:
    output = Output(tmp_path / "out")
    output.write("a", "a", {"one.txt": b"1", "two.txt": b"2"})
    folder = output.write("a", "a", {"two.txt": b"3"})

    assert {path.name: path.read_bytes() for path in folder.glob("[!.]*")} == {"two.txt": b"3"}


def test_a_new_directory_is_ignored_by_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    Output(tmp_path / "out").write("a", "a", {"one.txt": b"1"})

    assert (tmp_path / "out" / ".gitignore").read_text() == "*\n"
    assert _git_status(tmp_path) == ""


def test_in_the_users_directory_only_our_folder_is_removed(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "mine.txt").write_text("the user's")
    output = Output(tmp_path)
    folder = output.write("a", "a", {"one.txt": b"1"})
    assert _git_status(tmp_path) == "?? mine.txt\n"

    (folder / "note.txt").write_text("the user's too")
    output.remove("a", "a")
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["a", "mine.txt"]
    assert [path.name for path in folder.iterdir()] == ["note.txt"]


def test_a_folder_without_our_mark_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").write_text("the user's")
    output = Output(tmp_path)
    output.remove("a", "a")
    folder = output.write("a", "a", {"one.txt": b"ours"})

    assert folder == tmp_path / "a--2"
    assert output.folder("a", "a") == folder
    output.remove("a", "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "one.txt").read_text() == "the user's"


@pytest.mark.parametrize(
    "mark",
    [
        "",
        "[]",
        '{"for": "a"}',
        '{"for": "a", "files": "x"}',
        '{"for": "b", "files": ["one.txt"]}',
        '{"for": "a", "files": ["../victim", "/etc/passwd", 5]}',
    ],
)
def test_a_mark_that_is_not_ours_removes_nothing(tmp_path: Path, mark: str) -> None:
    (tmp_path / "victim").write_text("x")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").write_text("x")
    (tmp_path / "a" / ".plexdev.json").write_text(mark)
    Output(tmp_path).remove("a", "a")

    assert (tmp_path / "victim").exists()
    assert (tmp_path / "a" / "one.txt").exists()


def test_a_link_in_the_place_of_a_folder_is_left(tmp_path: Path) -> None:
    elsewhere = Output(tmp_path / "elsewhere").write("a", "a", {"one.txt": b"1"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(elsewhere)
    Output(tmp_path / "out").remove("a", "a")

    assert (elsewhere / "one.txt").exists()


def test_a_bring_up_folder_of_the_project_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bring-up").mkdir()
    (tmp_path / "bring-up" / "plexsphere.log").write_text("the user's")
    output = Output(tmp_path)

    folder = output.write("the bring-up", "bring-up", {"plexsphere.log": b"ours"})
    output.remove("the bring-up", "bring-up")

    assert not folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bring-up"]
    assert (tmp_path / "bring-up" / "plexsphere.log").read_text() == "the user's"


def test_a_users_file_in_our_folder_is_not_replaced(tmp_path: Path) -> None:
    output = Output(tmp_path / "out")
    first = output.write("a", "a", {"one.txt": b"1"})
    (first / "two.txt").write_text("the user's")

    second = output.write("a", "a", {"two.txt": b"2"})

    assert (first / "two.txt").read_text() == "the user's"
    assert (second / "two.txt").read_bytes() == b"2"
    assert output.folder("a", "a") == second


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".gitignore").symlink_to(tmp_path / "victim")
    (tmp_path / "out" / "a").symlink_to(tmp_path / "elsewhere")

    folder = Output(tmp_path / "out").write("a", "a", {"one.txt": b"1"})

    assert folder == tmp_path / "out" / "a--2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_paths_below_the_invocation_directory_are_shown_short(tmp_path: Path) -> None:
    output = Output(tmp_path / "out", tmp_path)

    assert output.shown(tmp_path / "out" / "a") == "out/a"
    assert output.shown(Path("/elsewhere")) == "/elsewhere"
    assert output.shown(tmp_path / "out" / "\udcff") == "out/\\udcff"


def _git_status(directory: Path) -> str:
    return subprocess.run(
        ["git", "status", "--short"], cwd=directory, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777], ids=oct)
def test_what_is_written_is_this_users_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = Output(tmp_path / "out").write("a test", "folder", {"log.txt": b"a secret"})
    finally:
        os.umask(before)

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out", folder)} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_the_end_of_a_log_has_no_secret(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("url=postgresql://plexsphere:hidden@127.0.0.1/x key=word-of-a-stack\n")

    assert read_end(tmp_path / "log", ["word-of-a-stack"]) == b"url=postgresql://plexsphere:***@127.0.0.1/x key=***\n"


def test_a_directory_that_may_not_be_read_is_left_alone(tmp_path: Path) -> None:
    output = Output(tmp_path / "out")
    output.write("owner", "name", {"log": b""})
    output.directory.chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65534)  # root can read everything
    try:
        output.remove("owner", "name")
    finally:
        os.seteuid(user)
        output.directory.chmod(0o700)

    assert (output.directory / "name" / "log").exists()
