"""The result of a bring-up, and its errors."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from pytest_plexdev.core.model import StackInfo, Verdict
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.progress import PhaseEnded
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from tests.support.embedded import Bench, TracesOf, WithPrograms, database_of, pid_of


def test_every_service_answers_where_the_info_says(bench: Bench, settings: EmbeddedSettings) -> None:
    info = bench.up(settings)

    with psycopg.connect(database_of(info)) as connection:
        ((version,),) = connection.execute("SHOW server_version").fetchall()
        assert version.startswith("16.")
        assert connection.execute("SELECT current_user").fetchone() == ("plexsphere",)
    assert urllib.request.urlopen(info.endpoints.api).status == 200
    assert {verdict.state for verdict in bench.provider(settings).verdicts(info)} == {"ready"}
    assert StackInfo.read(bench.directory / "stack.json") == info


def test_phases_have_the_start_times_of_a_timeline(bench: Bench, settings: EmbeddedSettings) -> None:
    phases = {phase.name: phase for phase in bench.up(settings).phases}

    everything, template, postgres = phases["all"], phases["template"], phases["postgres"]
    assert everything.began == 0
    assert 0 <= template.began < template.began + template.seconds <= postgres.began
    assert all(phase.began + phase.seconds <= everything.seconds for phase in phases.values())


def test_postgres_is_not_asked_before_it_can_answer(bench: Bench, settings: EmbeddedSettings) -> None:
    bench.up(settings)

    assert "starting up" not in (bench.directory / "logs" / "postgres.log").read_text()


def test_state_can_be_asked_inside_an_event_loop(bench: Bench, settings: EmbeddedSettings) -> None:
    info = bench.up(settings)

    async def ask() -> Sequence[Verdict]:
        return bench.provider(settings).verdicts(info)

    assert {verdict.state for verdict in asyncio.run(ask())} == {"ready"}


def test_the_password_is_asked_for_over_tcp(bench: Bench, settings: EmbeddedSettings) -> None:
    info = bench.up(settings)
    for password in ("wrong", "plexsphere"):
        wrong = re.sub(":[^:@]+@", f":{password}@", database_of(info))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_the_stack_names_its_stand_ins_and_tenants(bench: Bench, settings: EmbeddedSettings) -> None:
    info = bench.up(settings)

    stand_ins = {service.name: service.stands_in_for for service in info.services}
    assert stand_ins["dex"] == "Dex 2.41.1"
    assert stand_ins["spicedb"] == "SpiceDB 1.39.0"
    assert stand_ins["postgres"] is stand_ins["nats"] is None
    assert [tenant.slug for tenant in info.tenants] == ["acme-corp", "beta-llc", "gamma-coop"]
    assert "openbao" in info.left_out
    assert {event.phase.name for event in bench.events if isinstance(event, PhaseEnded)} == {
        *("template", "postgres", "nats", "dex", "plexsphere-signer", "plexsphere", "plexsphere-bootstrap")
    }


@pytest.mark.parametrize(
    ("service", "program"),
    [("plexsphere-signer", "signer"), ("plexsphere", "api"), ("dex", "idp"), ("plexsphere-bootstrap", "bootstrap")],
)
def test_an_exited_server_is_named_with_status_and_last_lines(
    bench: Bench, with_programs: WithPrograms, service: str, program: str
) -> None:
    began = time.monotonic()
    with pytest.raises(PlexdevError) as caught:
        bench.up(with_programs(**{program: "broken"}))

    assert time.monotonic() - began < 15  # 0.5 s on an idle machine; it must not wait for its timeout of 30 s
    assert caught.value.tag == "server-exited"
    text = str(caught.value)
    assert f"{service} exited with exit status 7" in text
    assert "| broken: no such option --listen" in text
    log = Path(str(caught.value.facts["log"]))
    assert log.read_text().endswith("no such option --listen\n")
    assert not (bench.directory / "stack.json").exists()


def test_a_server_that_never_answers_is_named(bench: Bench, with_programs: WithPrograms) -> None:
    began = time.monotonic()
    with pytest.raises(PlexdevError) as caught:
        bench.up(replace(with_programs(signer="silent"), timeout=2))

    assert (
        2 <= time.monotonic() - began < 6
    )  # a timeout of 2 s and at most 2 s to report it; the rest is for a busy machine
    assert caught.value.tag == "server-silent"
    assert "plexsphere-signer runs but did not answer over gRPC within" in str(caught.value)
    assert "| silent: hello" in str(caught.value)


def test_a_program_that_does_not_end_in_time_is_named(bench: Bench, with_programs: WithPrograms) -> None:
    with pytest.raises(PlexdevError) as caught:
        bench.up(replace(with_programs(bootstrap="silent"), timeout=4))

    assert caught.value.tag == "program-unfinished"
    assert "plexsphere-bootstrap had not finished 4.0 s after the bring-up began" in str(caught.value)


def test_a_killed_server_is_gone_with_its_last_lines(bench: Bench, settings: EmbeddedSettings) -> None:
    info = bench.up(settings)
    os.kill(pid_of(info, "nats"), 9)

    verdicts = _until_gone(bench.provider(settings), info, "nats")

    assert verdicts["nats"].reason.startswith("ended with SIGKILL")
    assert "Server is ready" in verdicts["nats"].reason
    assert {name for name, verdict in verdicts.items() if verdict.state != "ready"} == {"nats"}


@pytest.mark.parametrize("name", ["plexsphere", "dex", "nats"])
def test_the_port_of_a_killed_server_refuses_connections(bench: Bench, settings: EmbeddedSettings, name: str) -> None:
    info = bench.up(settings)
    url = {"plexsphere": info.endpoints.api, "dex": info.endpoints.issuer, "nats": info.endpoints.nats}[name]
    port = urlsplit(url).port
    os.kill(pid_of(info, name), 9)
    _until_gone(bench.provider(settings), info, name)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", port), timeout=1)


def test_a_taken_port_is_named_with_its_holder(bench: Bench, settings: EmbeddedSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PlexdevError) as caught:
            bench.up(replace(settings, api_port=port))

    assert caught.value.tag == "port-taken"
    assert f"port {port} for the API is taken by " in str(caught.value)
    assert f"(pid {os.getpid()})" in str(caught.value)
    assert not bench.directory.exists()


@pytest.mark.parametrize(
    ("name", "says"), [("nats", "a signal to end (exit status 0): "), ("postgres", "SIGTERM (exit status 0): ")]
)
def test_a_server_that_obeyed_a_signal_is_told_so(
    bench: Bench, settings: EmbeddedSettings, name: str, says: str
) -> None:
    info = bench.up(settings)
    os.kill(pid_of(info, name), signal.SIGTERM)

    verdicts = _until_gone(bench.provider(settings), info, name)

    assert verdicts[name].reason.startswith(f"ended with {says}something outside the stack sent it")


def test_a_port_that_is_taken_on_the_other_localhost_counts(bench: Bench, settings: EmbeddedSettings) -> None:
    try:
        taken = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1")
    with taken, pytest.raises(PlexdevError) as caught:
        bench.up(replace(settings, idp_port=taken.getsockname()[1]))
    assert caught.value.tag == "port-taken"


def test_two_runs_with_a_cold_cache_build_one_template(settings: EmbeddedSettings, tmp_path: Path) -> None:
    cold = replace(settings, cache=tmp_path / "cache")
    providers = [EmbeddedProvider(cold, tmp_path / name) for name in ("one", "two")]
    together = threading.Barrier(2)

    def up(provider: EmbeddedProvider) -> StackInfo:
        together.wait()
        return provider.up(lambda event: None).info

    with ThreadPoolExecutor() as pool:
        infos = list(pool.map(up, providers))
    try:
        migrations = [info.directory / "logs" / "migrate.log" for info in infos]
        assert sorted(log.exists() for log in migrations) == [False, True]
        for info in infos:
            with psycopg.connect(database_of(info)) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert len([entry for entry in (cold.cache / "postgres").iterdir() if entry.is_dir()]) == 1
    finally:
        for provider, info in zip(providers, infos, strict=True):
            provider.down(info)


def test_nothing_connects_to_the_server_that_builds_the_template(
    bench: Bench, with_programs: WithPrograms, tmp_path: Path
) -> None:
    cold = replace(with_programs(api="api-that-looks-at-once", migrate="slow-migrate"), cache=tmp_path / "cache")

    info = bench.up(cold)

    # The fake API keeps its first session and answers only while that is open.
    assert urllib.request.urlopen(info.endpoints.api).status == 200


def test_a_template_with_a_missing_file_is_built_again_and_said(
    bench: Bench, settings: EmbeddedSettings, tmp_path: Path
) -> None:
    private = replace(settings, cache=tmp_path / "cache")
    bench.provider(private).down(bench.up(private))
    next((tmp_path / "cache").glob("postgres/*/data/base/*/pg_filenode.map")).unlink()

    info = bench.up(private)

    assert "the cached template is damaged" in bench.notes()
    assert {verdict.state for verdict in bench.provider(private).verdicts(info)} == {"ready"}


def test_a_broken_template_is_rebuilt_and_reported(bench: Bench, settings: EmbeddedSettings, tmp_path: Path) -> None:
    private = replace(settings, cache=tmp_path / "cache")
    bench.provider(private).down(bench.up(private))
    control = next((tmp_path / "cache").glob("postgres/*/data/global/pg_control"))
    control.write_bytes(bytes(control.stat().st_size))

    info = bench.up(private)

    assert "did not start on a copy of the cached template" in bench.notes()
    assert {verdict.state for verdict in bench.provider(private).verdicts(info)} == {"ready"}


def test_a_cache_that_cannot_be_written_is_said(bench: Bench, settings: EmbeddedSettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(PlexdevError) as caught:
        bench.up(replace(settings, cache=tmp_path / "file" / "cache"))

    assert caught.value.tag == "cache-unwritable"
    assert "PLEXDEV_CACHE_DIR" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_full_disk_is_said(bench: Bench, settings: EmbeddedSettings, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.decode().strip()}")
    try:
        with pytest.raises(PlexdevError) as caught:
            bench.up(replace(settings, cache=small / "cache"))
    finally:
        subprocess.run(["umount", str(small)], check=True)

    assert caught.value.tag == "disk-full"
    assert str(small) in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run programs as nobody")
def test_postgres_runs_as_nobody_without_user_namespaces(
    bench: Bench, settings: EmbeddedSettings, tmp_path: Path, traces_of: TracesOf
) -> None:
    info = bench.up(replace(settings, cache=tmp_path / "cache", postgres_user="nobody"))
    traces = traces_of(bench.directory)
    postgres = next(service for service in info.services if service.name == "postgres")

    assert Path(f"/proc/{postgres.pid}").stat().st_uid == 65534
    with psycopg.connect(database_of(info)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    bench.provider(settings).down(info)
    assert traces.left() == []


def _until_gone(provider: EmbeddedProvider, info: StackInfo, name: str) -> dict[str, Verdict]:
    return poll(
        lambda: {verdict.name: verdict for verdict in provider.verdicts(info)},
        until=lambda verdicts: verdicts[name].state == "gone",
        every_s=0.02,
        timeout_s=2,
    )
