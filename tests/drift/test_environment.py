"""The variables that a program reads are the ones that its Pod gives it, and the ones that are documented."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
import yaml

from pytest_plexdev.stack.embedded import plane
from tests.drift.manifests import DEPLOY, ROOT, by_name, overlay_objects, variables, workloads

OVERLAY = overlay_objects()
WORKLOADS = {each.name: each for each in workloads(OVERLAY)}
PROGRAMS = {
    "plexsphere": "api",
    "plexsphere-signer": "signer",
    "migrate": "migrate",
    "plexsphere-bootstrap": "bootstrap",
}
SEED = (DEPLOY / "seed" / "tenants.yaml").read_text(encoding="utf-8")


def test_every_variable_is_documented_read_and_wired() -> None:
    settings = (ROOT / "plexsphere_reference" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r"PLEXSPHERE_[A-Z_]+[A-Z]\b", settings)) | set(re.findall(r"env:(PLEXSPHERE_[A-Z_]+)", SEED))
    wired = set(_wired("plexsphere"))

    assert wired == read == set(_documented())


@pytest.mark.parametrize(("workload", "program"), PROGRAMS.items())
def test_a_program_gets_the_variables_that_it_reads(workload: str, program: str) -> None:
    wanted = {name for name, readers in _documented().items() if program in readers or "all" in readers}

    assert set(_wired(workload)) == wanted


@pytest.mark.parametrize("workload", ["plexsphere", "plexsphere-signer", "plexsphere-bootstrap"])
def test_waiting_for_migrations_needs_the_database_alone(workload: str) -> None:
    (waiting,) = [each for each in WORKLOADS[workload].init_containers if each["name"] == "wait-for-migrate"]

    assert set(variables(waiting, OVERLAY)) == {"PLEXSPHERE_DATABASE_URL"}


def test_a_missing_key_of_a_secret_would_be_seen() -> None:
    secrets = by_name(OVERLAY, "Secret")

    assert "DATABASE_URL" in secrets["postgres-credentials"]["stringData"]
    assert secrets["spicedb-credentials"]["stringData"] == {"SPICEDB_GRPC_PRESHARED_KEY": "test-key"}


def test_every_database_url_is_that_of_the_server_s_own_user() -> None:
    secrets = by_name(OVERLAY, "Secret")
    own = secrets["postgres-credentials"]["stringData"]
    url = f"postgres://{own['POSTGRES_USER']}:{own['POSTGRES_PASSWORD']}@postgres:5432/{own['POSTGRES_DB']}"
    urls = [text for each in secrets.values() for text in each["stringData"].values() if "://" in text]

    assert len(urls) == 2
    assert [each.partition("?")[0] for each in urls] == [url, url]


def test_the_embedded_stack_has_the_same_keys_and_client() -> None:
    wired = _wired("plexsphere")

    assert wired["PLEXSPHERE_DEX_CLIENT_SECRET"] == plane.CLIENT_SECRET
    assert wired["PLEXSPHERE_CURSOR_KEY"] == plane._CURSOR_KEY
    assert wired["PLEXSPHERE_PSEUDONYM_KEY"] == plane._PSEUDONYM_KEY


def test_the_bootstrap_s_manifest_is_the_seed_with_addresses() -> None:
    config_map = by_name(OVERLAY, "ConfigMap")["plexsphere-bootstrap"]
    (idp,) = by_name(OVERLAY, "Service")["dex"]["spec"]["ports"]
    expected = yaml.safe_load(
        SEED.replace("discovery_url: ${ISSUER}", f"discovery_url: http://dex:{idp['port']}/dex").replace(
            "${ISSUER}", "http://localhost:5556/dex"
        )
    )

    assert yaml.safe_load(config_map["data"]["manifest.yaml"]) == expected


def _wired(workload: str) -> Mapping[str, str]:
    return variables(WORKLOADS[workload].main, OVERLAY)


def _documented() -> dict[str, set[str]]:
    """Variable -> the programs that read it, from the table in the architecture."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`PLEXSPHERE_[^|]+) \| ([^|]+) \|", page, re.MULTILINE)
    return {
        name: {reader.strip() for reader in readers.split(",")}
        for names, readers in rows
        for name in re.findall(r"PLEXSPHERE_[A-Z_]+", names)
    }
