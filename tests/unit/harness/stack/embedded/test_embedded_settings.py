"""The messages between the requester and the supervisor, and the paths of files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.model import Phase, Verdict
from pytest_plexdev.core.paths import cache_directory, state_directory
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.progress import PhaseBegan, PhaseEnded, VerdictChanged
from pytest_plexdev.core.tables import verdict_table
from pytest_plexdev.errors import PORT_TAKEN, PlexdevError, decode_failure, encode_failure
from pytest_plexdev.stack.embedded import EmbeddedSettings, Programs
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.servers.postgres_template import key_of
from pytest_plexdev.stack.embedded.settings import SupervisorInput
from pytest_plexdev.stack.embedded.supervisor.protocol import decode_event


@pytest.mark.parametrize(
    "settings",
    [
        EmbeddedSettings(id="one", cache=Path("/cache")),
        EmbeddedSettings(
            id="two",
            owner=ProcessId(4, 99),
            prefer="stand-in",
            cache=Path("/cache"),
            run_directory=Path("/run/1"),
            programs=replace(Programs(), nats=("nats", "-D"), postgres=Path("/pg/bin")),
        ),
    ],
)
def test_an_order_arrives_as_it_was_sent(settings: EmbeddedSettings) -> None:
    supervisor_input = SupervisorInput(settings, Path("/stack"))
    assert SupervisorInput.decode(supervisor_input.encode()) == supervisor_input


def test_where_things_are_kept() -> None:
    assert cache_directory({"PLEXDEV_CACHE_DIR": "/c", "XDG_CACHE_HOME": "/x"}) == Path("/c")
    assert cache_directory({"XDG_CACHE_HOME": "/x"}) == Path("/x/plexdev")
    assert state_directory({"PLEXDEV_STATE_DIR": "/s"}) == Path("/s")
    assert state_directory({}) == Path.home() / ".local/state/plexdev"


def test_a_developers_own_variables_do_not_leak_into_a_stack() -> None:
    hostile = dict.fromkeys(("PGHOST", "PLEXSPHERE_ENV", "HTTP_PROXY", "LD_PRELOAD", "PYTHONINSPECT", "ANYTHING"), "x")
    environment = program_environment({"PATH": "/bin", "HOME": "/home/me", **hostile})

    assert (environment["PATH"], environment["HOME"]) == ("/bin", "/home/me")
    assert not hostile.keys() & environment.keys()


@pytest.mark.parametrize(
    ("user", "program"),
    [
        ({}, {}),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de"}, {"LC_CTYPE": "de_DE.UTF-8"}),
        ({"LANG": "de_DE.UTF-8", "LC_CTYPE": "C.UTF-8"}, {"LC_CTYPE": "C.UTF-8"}),
        ({"LC_CTYPE": "C.UTF-8", "LC_MESSAGES": "fr_FR", "LC_ALL": "C"}, {"LC_CTYPE": "C"}),
    ],
)
def test_of_the_locale_only_the_encoding_is_kept(user: dict[str, str], program: dict[str, str]) -> None:
    environment = program_environment(user)
    assert {name: value for name, value in environment.items() if name.startswith(("L", "LC_"))} == program


def test_the_path_means_the_same_in_another_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert program_environment({"PATH": ".venv/bin::/bin"})["PATH"] == f"{tmp_path}/.venv/bin:/bin"


def test_events_cross_the_channel() -> None:
    from dataclasses import asdict

    phase, verdict = Phase(name="api", seconds=0.5, began=0.25), Verdict(name="api", state="ready")
    assert decode_event({"began": "api"}) == PhaseBegan(name="api")
    assert decode_event({"ended": asdict(phase)}) == PhaseEnded(phase=phase)
    assert decode_event({"verdict": asdict(verdict)}) == VerdictChanged(verdict=verdict)
    assert decode_event({"else": 1}) is None


def test_a_failure_crosses_processes_word_by_word() -> None:
    error = PlexdevError(
        PORT_TAKEN, why="it is", port=8080, purpose="the API", holder="nginx (pid 1)", stop="stop it", detail="a\nb"
    )
    assert str(decode_failure(encode_failure(error))) == str(error)


def test_the_key_depends_on_server_options_and_each_migration(tmp_path: Path) -> None:
    server, migrations = tmp_path / "postgres", tmp_path / "migrations"
    server.write_bytes(b"elf")
    migrations.mkdir()
    (migrations / "0001_a.sql").write_text("a")
    key = key_of(server, ["-x"], migrations)

    assert key == key_of(server, ["-x"], migrations)
    assert key != key_of(server, ["-y"], migrations)
    (migrations / "0002_b.sql").write_text("b")
    second = key_of(server, ["-x"], migrations)
    assert second != key
    server.write_bytes(b"other elf")
    assert key_of(server, ["-x"], migrations) != second


def test_a_table_of_verdicts() -> None:
    verdicts = [
        Verdict(name="api", state="ready", since=2.0),
        Verdict(name="nats", state="gone", reason="ended with SIGKILL\nlast words", hint="read nats.log"),
    ]
    assert verdict_table(verdicts).splitlines() == [
        "api   ready   for 2.0 s",
        "nats  gone                    ended with SIGKILL",
        "      | last words",
        "      fix: read nats.log",
    ]
