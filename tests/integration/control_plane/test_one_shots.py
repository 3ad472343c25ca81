"""The programs that run to completion: ``migrate up`` and ``bootstrap``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from plexsphere_reference.migrate import migrations
from tests.support.checkout import ROOT
from tests.support.control_plane import DOMAINS

SEED = ROOT / "deploy" / "local" / "seed" / "tenants.yaml"
RUNBOOK_SQL = (
    "SELECT d.slug,d.id,b.id FROM plexsphere.domains d"
    " JOIN plexsphere.idp_bindings b ON b.domain_id=d.id AND b.status='active' ORDER BY d.slug"
)
SEEDED_BINDING = "01985a00-0000-7000-8000-00000000ac11"
TABLES = ("domains", "idp_bindings", "users", "relation_tuples", "outbox_events")


@pytest.fixture
def database(postgres_server: str) -> Iterator[str]:
    """An empty database of its own."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE one_shot")
        yield postgres_server.replace("/plexsphere?", "/one_shot?")
        connection.execute("DROP DATABASE one_shot WITH (FORCE)")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "tenants.yaml"
    path.write_text(SEED.read_text().replace("${ISSUER}", "http://localhost:5556/dex"))
    return path


def test_migrating_twice_applies_each_migration_once(database: str) -> None:
    first, second = run(database, "migrate", "up"), run(database, "migrate", "up")

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stderr.count('msg="migration-applied"') == len(migrations()) >= 7
    assert second.stderr.count('msg="migration-applied"') == 0
    assert f"version={migrations()[-1].number} applied=0" in second.stderr


def test_the_url_says_all_of_a_connection(database: str) -> None:
    program = run(database, "migrate", "up", PGSERVICE="nosuch", PGOPTIONS="-c no.such=1", PGTZ="no/such", PGUSER="x")

    assert program.returncode == 0, program.stderr


def test_migrators_at_once_take_turns(database: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: run(database, "migrate", "up"), range(3)))

    assert [each.returncode for each in runs] == [0, 0, 0]
    assert sum(each.stderr.count('msg="migration-applied"') for each in runs) == len(migrations())


def test_a_newer_database_is_refused(database: str) -> None:
    run(database, "migrate", "up")
    sql(database, "INSERT INTO plexsphere.schema_migrations (number, name) VALUES (9999, 'from the future')")

    refused = run(database, "migrate", "up")

    assert refused.returncode == 3
    assert 'msg="database is newer than this program" unknown=9999' in refused.stderr


def test_the_seed_is_the_same_on_every_fresh_stack(database: str, manifest: Path) -> None:
    run(database, "migrate", "up")
    seeded = run(database, "bootstrap", "--manifest", str(manifest))

    assert seeded.returncode == 0, seeded.stderr
    assert [(slug, str(domain)) for slug, domain, _ in sql(database, RUNBOOK_SQL)] == sorted(DOMAINS.items())
    assert {each.version for row in sql(database, RUNBOOK_SQL) for each in row[1:]} == {7}
    assert seeded.stderr.count('msg="domain-created"') == 3
    assert seeded.stderr.count('msg="binding-created"') == 3
    assert seeded.stderr.count('msg="admin-created"') == 3
    assert seeded.stderr.count('msg="platform-operator"') == 1


def test_a_manifest_that_the_database_contradicts(database: str, manifest: Path) -> None:
    run(database, "migrate", "up")
    run(database, "bootstrap", "--manifest", str(manifest))
    manifest.write_text(manifest.read_text().replace("acme-corp", "echo-corp"))

    refused = run(database, "bootstrap", "--manifest", str(manifest))

    assert refused.returncode == 2
    assert 'msg="manifest cannot be used"' in refused.stderr
    assert "Traceback" not in refused.stderr


def test_seeding_again_changes_nothing_and_says_so(database: str, manifest: Path) -> None:
    run(database, "migrate", "up")
    run(database, "bootstrap", "--manifest", str(manifest))
    before = {table: sql(database, f"SELECT * FROM plexsphere.{table} ORDER BY 1, 2, 3") for table in TABLES}

    again = run(database, "bootstrap", "--manifest", str(manifest))

    assert again.returncode == 0
    assert {table: sql(database, f"SELECT * FROM plexsphere.{table} ORDER BY 1, 2, 3") for table in TABLES} == before
    skipped = [line for line in again.stderr.splitlines() if 'msg="domain-skipped"' in line]
    assert [line.partition("slug=")[2] for line in skipped] == [
        f"{slug} reason=already-exists" for slug in ("acme-corp", "beta-llc", "gamma-coop")
    ]
    assert again.stderr.count('msg="admin-adopted"') == 3
    assert "created" not in again.stderr


def test_a_half_seeded_database_is_completed(database: str, manifest: Path) -> None:
    run(database, "migrate", "up")
    run(database, "bootstrap", "--manifest", str(manifest))
    sql(database, "DELETE FROM plexsphere.relation_tuples")
    sql(database, "DELETE FROM plexsphere.idp_bindings WHERE domain_id = %s", DOMAINS["beta-llc"])

    completed = run(database, "bootstrap", "--manifest", str(manifest))

    assert completed.stderr.count('msg="binding-created"') == 1
    assert len(sql(database, RUNBOOK_SQL)) == 3
    assert sql(database, "SELECT count(*) FROM plexsphere.relation_tuples") == [(8,)]


def test_a_change_of_profile_repoints_the_seeded_bindings(database: str, manifest: Path) -> None:
    refs = (
        "SELECT d.slug, b.client_secret_ref FROM plexsphere.idp_bindings b"
        " JOIN plexsphere.domains d ON d.id = b.domain_id"
    )
    lean = dict.fromkeys(DOMAINS, "env:PLEXSPHERE_DEX_CLIENT_SECRET")
    full = {
        **lean,
        "acme-corp": f"openbao:domains/{DOMAINS['acme-corp']}/dex#client_secret",
        "beta-llc": "env:PLEXSPHERE_BETA_CLIENT_SECRET",
    }
    run(database, "migrate", "up")
    found, logs = [], []
    for profile in ((), ("--profile", "full"), ("--profile", "full"), ("--profile", "lean")):
        seeded = run(database, "bootstrap", "--manifest", str(manifest), *profile)
        assert seeded.returncode == 0, seeded.stderr
        found.append(dict(sql(database, refs)))
        logs.append([line for line in seeded.stderr.splitlines() if 'msg="binding-updated"' in line])

    assert found == [lean, full, full, lean]
    assert [len(each) for each in logs] == [0, 2, 0, 2]
    assert f'slug=acme-corp id={SEEDED_BINDING} client_secret_ref="{full["acme-corp"]}"' in logs[1][0]
    events = "SELECT count(*) FROM plexsphere.outbox_events WHERE event_type = 'IdPBindingUpdated'"
    assert sql(database, events) == [(4,)]


def test_a_repointed_binding_keeps_what_its_admin_changed(database: str, manifest: Path) -> None:
    run(database, "migrate", "up")
    run(database, "bootstrap", "--manifest", str(manifest))
    sql(database, "UPDATE plexsphere.idp_bindings SET jit_policy = 'deny', alias = 'mine', status = 'deactivated'")
    other = sql(
        database,
        "INSERT INTO plexsphere.idp_bindings (id, domain_id, issuer, discovery_url, client_id, client_secret_ref,"
        " jit_policy) SELECT gen_random_uuid(), domain_id, issuer, discovery_url, client_id, client_secret_ref,"
        " jit_policy FROM plexsphere.idp_bindings WHERE id = %s RETURNING id",
        SEEDED_BINDING,
    )

    run(database, "bootstrap", "--manifest", str(manifest), "--profile", "full")

    rows = sql(
        database,
        "SELECT id::text, left(client_secret_ref, 8), jit_policy, alias, status FROM plexsphere.idp_bindings"
        " WHERE domain_id = %s ORDER BY id",
        DOMAINS["acme-corp"],
    )
    assert rows == sorted(
        [
            (SEEDED_BINDING, "openbao:", "deny", "mine", "deactivated"),
            (str(other[0][0]), "env:PLEX", "deny", None, "active"),
        ]
    )


@pytest.mark.parametrize(
    ("change", "output"),
    [
        ({"domains": "none"}, "Expected `array`"),
        ({"tenants": []}, "unknown field `tenants`"),
        ({"domains": [{"slug": "x"}]}, "missing required field"),
    ],
)
def test_a_manifest_that_is_none_ends_with_2(
    database: str, manifest: Path, change: dict[str, Any], output: str
) -> None:
    manifest.write_text(yaml.safe_dump(yaml.safe_load(manifest.read_text()) | change))

    refused = run(database, "bootstrap", "--manifest", str(manifest))

    assert refused.returncode == 2
    assert output in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_platform_operator_that_is_not_seeded_seeds_nothing(database: str, manifest: Path) -> None:
    run(database, "migrate", "up")
    content = yaml.safe_load(manifest.read_text())
    content["platform_operators"] = [{"domain": "acme-corp", "external_subject": "somebody"}]
    manifest.write_text(yaml.safe_dump(content))

    refused = run(database, "bootstrap", "--manifest", str(manifest))

    assert refused.returncode == 2
    assert "somebody" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sql(database, "SELECT count(*) FROM plexsphere.domains") == [(0,)]


@pytest.mark.parametrize("arguments", [("migrate", "up"), ("bootstrap", "--manifest", "x"), ("api", "--listen", "x")])
def test_a_missing_database_url_is_named(arguments: tuple[str, ...]) -> None:
    refused = run("", *arguments)

    assert refused.returncode == 2
    assert "PLEXSPHERE_DATABASE_URL" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_each_program_warns_once_in_dev_and_never_in_prod(database: str, manifest: Path) -> None:
    programs = [("migrate", "up"), ("bootstrap", "--manifest", str(manifest))]
    in_dev = [run(database, *program).stderr for program in programs]
    in_prod = [run(database, *program, PLEXSPHERE_ENV="prod").stderr for program in programs]

    warning = 'level=WARN msg="insecure default active in dev mode" env=dev dependency='
    assert [output.count(warning) for output in in_dev] == [1, 1]
    assert [output.count("insecure default") for output in in_prod] == [0, 0]


def run(database: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PLEXSPHERE_DATABASE_URL": database, **variables}
    argv = [sys.executable, "-m", "plexsphere_reference", *arguments]
    return subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def sql(database: str, query: str, *params: object) -> list[Any]:
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(query, params)
        return cursor.fetchall() if cursor.description else []
