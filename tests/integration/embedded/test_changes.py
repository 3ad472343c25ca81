"""``plexdev reset`` and ``plexdev restart`` on embedded stacks: what is kept, what is new, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import nats
import psycopg
import pytest

from pytest_plexdev.cli import completers, main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.progress import no_progress
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.warm import bring_up_warm, find_warm
from tests.support.embedded import Bench, database_of, pid_of, processes_below, warm_scratch
from tests.support.waiting import until


def now() -> StackInfo:
    info = find_warm()
    assert info is not None
    return info


def write(info: StackInfo) -> None:
    """Leave a table in the database and a stream in NATS."""
    with psycopg.connect(database_of(info)) as connection:
        connection.execute("CREATE TABLE left_behind (id integer)")
    asyncio.run(_add_stream(info))


def found(info: StackInfo) -> tuple[bool, int]:
    """Whether the table is there, and the number of streams."""
    with psycopg.connect(database_of(info)) as connection:
        row = connection.execute("SELECT to_regclass('left_behind') IS NOT NULL").fetchone()
    assert row is not None
    return row[0], asyncio.run(_count_streams(info))


async def _add_stream(info: StackInfo) -> None:
    client = await nats.connect(info.endpoints.nats or "")
    await client.jetstream().add_stream(name="LEFT", subjects=["left.>"])
    await client.close()


async def _count_streams(info: StackInfo) -> int:
    client = await nats.connect(info.endpoints.nats or "")
    streams = await client.jetstream().streams_info()
    await client.close()
    return len(streams)


def test_a_reset_brings_back_the_state_of_the_bring_up(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    write(warm)

    assert main.main(["reset"]) == 0

    assert re.fullmatch(
        r"plexdev: the embedded stack is reset \(\d+\.\d s\)\n"
        "  state      as after its bring-up: database, relations, stream and caches\n"
        "  logins     have ended: plexdev login\n",
        capsys.readouterr().out,
    )
    assert found(now()) == (False, 0)
    assert now().endpoints == warm.endpoints
    assert now().started_at > warm.started_at  # stored logins are of the stack before
    assert {pid_of(now(), each.name) for each in warm.services if each.pid}.isdisjoint(
        each.pid for each in warm.services
    )
    assert main.main(["status"]) == 0


def test_a_reset_leaves_no_process_of_before(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    count = len(list(processes_below(warm.directory)))

    assert main.main(["reset"]) == main.main(["reset"]) == 0

    until(lambda: len(list(processes_below(warm.directory))) == count)


def test_a_restart_keeps_the_data_and_the_other_servers(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    write(warm)

    assert main.main(["restart", "postgres", "nats", "postgres"]) == 0

    assert re.fullmatch(r"plexdev: postgres, nats are ready again \(\d+\.\d s\)\n", capsys.readouterr().out)
    assert found(now()) == (True, 1)
    before, after = ({each.name: each.pid for each in info.services} for info in (warm, now()))
    assert {name for name in before if before[name] != after[name]} == {"postgres", "nats"}
    assert main.main(["status"]) == 0


@pytest.mark.parametrize("service", ["plexsphere", "plexsphere-signer", "dex", "nats"])
def test_a_restart_brings_back_a_server_that_was_killed(
    warm: StackInfo, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.kill(pid_of(warm, service), signal.SIGKILL)
    until(lambda: main.main(["status"]) == 1)

    assert main.main(["restart", service]) == 0

    assert now().endpoints == warm.endpoints
    assert main.main(["status"]) == 0


def test_a_server_that_ends_after_a_restart_is_noticed(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["restart", "nats"]) == 0
    os.kill(pid_of(now(), "nats"), signal.SIGKILL)

    until(lambda: main.main(["status"]) == 1)

    assert "ended with SIGKILL" in capsys.readouterr().out


def test_json_has_the_stack_and_the_seconds(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["restart", "nats", "--json"]) == 0
    printed = capsys.readouterr()

    result = json.loads(printed.out)["result"]
    assert (result["services"], result["notes"], result["stack"]["id"]) == (["nats"], [], "warm")
    assert 0 < result["seconds"] < 30
    assert json.loads(printed.err.splitlines()[0])["event"] == "PhaseBegan"


def test_an_unknown_service_is_refused_with_the_nearest(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["restart", "nats", "postgre"]) == 1

    assert capsys.readouterr().err == (
        "plexdev[unknown-name]: the embedded stack has no restartable service postgre\n"
        "  why: it has postgres, nats, dex, plexsphere-signer, plexsphere\n"
        "  fix: did you mean postgres?\n"
    )
    assert now() == warm


def test_a_restart_that_fails_changes_no_other_server(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    data = warm_scratch() / "jetstream"
    data.rename(data.with_name("moved"))
    data.write_text("not a directory")

    assert main.main(["restart", "nats"]) == 1

    error = capsys.readouterr().err
    assert re.match(
        r"plexdev\[restart-failed\]: nats is not ready \d+\.\d s after its restart: it exited with exit status 1\n",
        error,
    )
    assert "fix: plexdev logs nats; then: plexdev down --stack embedded && plexdev up\n" in error
    assert "not a directory" in error
    assert main.main(["status"]) == 1
    assert re.findall(r"^(\S+) +gone", capsys.readouterr().out, re.MULTILINE) == ["nats"]
    data.unlink()
    assert main.main(["restart", "nats"]) == 0
    assert main.main(["status"]) == 0


def test_a_reset_has_the_seed_of_the_bring_up(
    state: Path, settings: EmbeddedSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pytest_plexdev.core.deployment import seed_file

    seed = tmp_path / "seed.yaml"
    seed.write_text(seed_file().read_text().replace("slug: beta-llc", "slug: delta-llc"))
    bring_up_warm(replace(settings, id="warm", seed=seed), no_progress)
    seed.unlink()

    assert main.main(["reset"]) == 0

    assert [tenant.slug for tenant in now().tenants] == ["acme-corp", "delta-llc", "gamma-coop"]


def test_a_stack_that_a_run_kept_is_reset_too(
    kept: StackInfo, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    write(kept)

    assert main.main(["reset", "--directory", str(bench.directory)]) == 0
    assert found(kept) == (False, 0)


def test_without_a_stack_both_say_so(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["reset"], ["restart", "nats"]):
        assert main.main(command) == 1
        assert "plexdev[stack-missing]: no stack is running" in capsys.readouterr().err


def test_a_supervisor_without_its_socket_is_said(warm: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    (warm.directory / "control").unlink()

    assert main.main(["reset"]) == 1

    error = capsys.readouterr().err
    assert error.startswith("plexdev[stack-broken]")
    assert "it may be of another version of plexdev" in error
    assert "fix: plexdev down --stack embedded && plexdev up" in error


def test_a_shell_completes_the_services_not_named_yet(warm: StackInfo) -> None:
    arguments = Namespace(stack=None, directory=None, services=["nats", "dex"])

    assert completers.restartable(parsed_args=arguments) == ["postgres", "plexsphere-signer", "plexsphere"]
