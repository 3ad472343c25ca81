"""The default stack with the reference plane: with the stand-ins, and with the real Dex and SpiceDB."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.progress import no_progress
from pytest_plexdev.stack.embedded import EmbeddedSettings, Programs
from tests.support.embedded import Bench, database_of


@pytest.fixture(params=["stand-in", "real"])
def info(
    request: pytest.FixtureRequest, bench: Bench, settings: EmbeddedSettings, tmp_path: Path
) -> Iterator[StackInfo]:
    if request.param == "real" and not (shutil.which("dex") and shutil.which("spicedb")):
        pytest.skip("dex and spicedb are not on PATH")
    info = bench.up(replace(settings, programs=Programs(), prefer=request.param, cache=tmp_path / "cache"))
    yield info

    began = time.monotonic()
    bench.provider(settings).down(info)
    assert time.monotonic() - began < 4  # it is killed after 5 s


def test_the_seeded_stack_is_ready(info: StackInfo, bench: Bench, settings: EmbeddedSettings) -> None:
    verdicts = {verdict.name: verdict.state for verdict in bench.provider(settings).verdicts(info)}
    assert set(verdicts.values()) == {"ready"}, verdicts
    assert urllib.request.urlopen(f"{info.endpoints.api}/v1/health").status == 200

    with urllib.request.urlopen(f"{info.endpoints.issuer}/.well-known/openid-configuration") as answer:
        assert json.load(answer)["issuer"] == info.endpoints.issuer

    with psycopg.connect(database_of(info)) as connection:
        rows = connection.execute("SELECT slug, id::text FROM plexsphere.domains ORDER BY slug").fetchall()
        issuers = connection.execute("SELECT DISTINCT issuer FROM plexsphere.idp_bindings").fetchall()
    assert rows == [(tenant.slug, tenant.domain_id) for tenant in info.tenants]
    assert issuers == [(info.endpoints.issuer,)]
    is_real = {service.name for service in info.services if service.stands_in_for is None}
    assert (info.endpoints.spicedb is not None) == ("spicedb" in is_real) == ("dex" in is_real)


def test_it_is_seeded_again_after_a_reset_and_restarts(
    info: StackInfo, bench: Bench, settings: EmbeddedSettings
) -> None:
    changes = bench.provider(settings).changes(info)
    with psycopg.connect(database_of(info)) as connection:
        connection.execute("DELETE FROM plexsphere.idp_bindings")
        connection.execute("UPDATE plexsphere.domains SET name = 'changed'")

    changed = changes.reset(no_progress).info
    notes = changes.restart(changes.services(), no_progress).notes

    verdicts = {verdict.name: verdict.state for verdict in bench.provider(settings).verdicts(changed)}
    assert set(verdicts.values()) == {"ready"}, verdicts
    with psycopg.connect(database_of(info)) as connection:
        rows = connection.execute("SELECT slug, name FROM plexsphere.domains ORDER BY slug").fetchall()
        bindings = connection.execute("SELECT count(*) FROM plexsphere.idp_bindings").fetchone()
    assert rows == [("acme-corp", "Acme Corp"), ("beta-llc", "Beta LLC"), ("gamma-coop", "Gamma Cooperative")]
    assert bindings == (3,)
    is_real = info.endpoints.spicedb is not None
    assert [note.partition(":")[0] for note in notes] == ["dex", *(["spicedb"] if is_real else [])]


def test_a_restart_stops_servers_in_order(info: StackInfo, bench: Bench, settings: EmbeddedSettings) -> None:
    changes = bench.provider(settings).changes(info)
    is_real = info.endpoints.spicedb is not None
    last_words = {
        "postgres": "database system is shut down",
        "nats": "Server Exiting",
        "plexsphere-signer": "stopping on signal",
        "plexsphere": "stopping on signal",
        **({} if is_real else {"dex": "stopping on signal"}),
    }
    logs = {service.name: service.log for service in info.services}

    changes.restart(changes.services(), no_progress)

    texts = {name: log.read_text() for name in last_words if (log := logs[name]) is not None}
    assert {name for name, words in last_words.items() if words not in texts[name]} == set()
