"""The variables that a program reads are set in its Pod, and documented."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from plexsphere_reference.rules.secret_references import openbao_reference
from pytest_plexdev.core.people import CLIENT_SECRET
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.embedded import EmbeddedSettings
from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.servers import control_plane, openbao
from pytest_plexdev.stack.kind.manifests.transform import with_addresses, with_seed
from pytest_plexdev.stack.kind.settings import Addresses
from tests.support.checkout import ROOT
from tests.support.manifests import DEPLOY, by_name, overlay_objects, variables, workloads

OVERLAY = overlay_objects()
WORKLOADS = {each.name: each for each in workloads(OVERLAY)}
PROGRAMS = {
    "plexsphere": "api",
    "plexsphere-signer": "signer",
    "migrate": "migrate",
    "plexsphere-bootstrap": "bootstrap",
}
FURTHER = tuple(f"PLEXSPHERE_{each}_" for each in ("OPENBAO", "BETA", "S3", "OBS", "MIMIR", "LOKI"))
"""The variables that only the profile ``full`` sets."""
SEED = (DEPLOY / "seed" / "tenants.yaml").read_text(encoding="utf-8")


def test_every_variable_is_documented_read_and_wired(rendered: list[KubeObject]) -> None:
    modules = ("settings.py", "artifacts/s3.py")
    settings = "".join((ROOT / "plexsphere_reference" / each).read_text(encoding="utf-8") for each in modules)
    secrets = set(re.findall(r"env:(PLEXSPHERE_[A-Z0-9_]+)", SEED))
    paired = {name.replace("_CLIENT_SECRET", "_DISCOVERY_URL") for name in secrets}
    read = set(re.findall(r"PLEXSPHERE_[A-Z0-9_]+[A-Z]\b", settings)) | secrets | paired
    wired = set(_wired("plexsphere", rendered))

    assert wired == read == set(_documented())


@pytest.mark.parametrize(("workload", "program"), PROGRAMS.items())
def test_a_program_gets_the_variables_that_it_reads(rendered: list[KubeObject], workload: str, program: str) -> None:
    wanted = {name for name, readers in _documented().items() if program in readers or "all" in readers}

    assert set(_wired(workload, rendered)) == wanted


def test_the_lean_api_lacks_only_what_further_services_need(rendered: list[KubeObject]) -> None:
    lacks = set(_wired("plexsphere", rendered)) - set(_wired("plexsphere"))

    assert {name for name in lacks if not name.startswith(FURTHER)} == set()
    assert not any(name.startswith(FURTHER) for name in _wired("plexsphere"))


def test_a_secret_in_openbao_is_that_of_its_domain() -> None:
    manifest = yaml.safe_load(SEED)
    stored = {
        reference
        for domain in manifest["domains"]
        for binding in domain["idp_bindings"]
        for reference in binding.get("client_secret_refs", {}).values()
        if openbao_reference(reference, domain_id=UUID(domain["id"])) is not None
    }

    assert stored == set(re.findall(r"openbao:\S+", SEED))


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
    urls = [text for each in secrets.values() for text in each.get("stringData", {}).values() if "://" in text]

    assert len(urls) == 2
    assert [each.partition("?")[0] for each in urls] == [url, url]


def test_the_embedded_stack_has_the_same_keys_and_client() -> None:
    wired = _wired("plexsphere")

    assert wired["PLEXSPHERE_DEX_CLIENT_SECRET"] == CLIENT_SECRET
    assert wired["PLEXSPHERE_CURSOR_KEY"] == control_plane._CURSOR_KEY
    assert wired["PLEXSPHERE_PSEUDONYM_KEY"] == control_plane._PSEUDONYM_KEY


def test_the_embedded_stack_has_the_same_secrets_in_openbao() -> None:
    (volume,) = [each["secret"] for each in WORKLOADS["openbao"].pod["volumes"] if each["name"] == "seed"]
    contents = by_name(OVERLAY, "Secret")[volume["secretName"]]["stringData"]
    seeded = {item["path"].removesuffix(".json"): json.loads(contents[item["key"]]) for item in volume["items"]}

    assert seeded == openbao.SEEDED
    assert set(contents) == {item["key"] for item in volume["items"]}


def test_every_seeded_reference_to_openbao_has_its_secret() -> None:
    references = [each.partition("#") for each in re.findall(r"openbao:(\S+)", SEED)]

    assert references
    assert {key for path, _, key in references if key not in openbao.SEEDED.get(path, {})} == set()


def test_the_bootstrap_s_manifest_is_the_seed_with_addresses() -> None:
    config_map = by_name(OVERLAY, "ConfigMap")["plexsphere-bootstrap"]
    (idp,) = by_name(OVERLAY, "Service")["dex"]["spec"]["ports"]
    expected = yaml.safe_load(
        SEED.replace("discovery_url: ${ISSUER}", f"discovery_url: http://dex:{idp['port']}/dex").replace(
            "${ISSUER}", "http://localhost:5556/dex"
        )
    )

    assert yaml.safe_load(config_map["data"]["manifest.yaml"]) == expected


def test_a_secret_is_wired_to_the_discovery_url_of_its_bindings() -> None:
    manifest = yaml.safe_load(by_name(OVERLAY, "ConfigMap")["plexsphere-bootstrap"]["data"]["manifest.yaml"])
    bindings = [binding for domain in manifest["domains"] for binding in domain["idp_bindings"]]
    wired = _wired("plexsphere")

    assert {each["client_secret_ref"] for each in bindings} == {"env:PLEXSPHERE_DEX_CLIENT_SECRET"}
    assert {each["discovery_url"] for each in bindings} == {wired["PLEXSPHERE_DEX_DISCOVERY_URL"]}


def test_the_embedded_stack_wires_the_secret_to_its_bindings(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path)
    layout.configuration.mkdir()
    addresses = ServerAddresses.allocate(
        EmbeddedSettings(id="drift", cache=tmp_path), spicedb=False, scratch=tmp_path, postgres_directory=tmp_path
    )
    control_plane.render_manifest(layout, addresses)
    for held in (addresses.api, addresses.idp, addresses.idp_api, addresses.postgres, addresses.nats):
        held.release()

    expected = control_plane.variables(addresses)["PLEXSPHERE_DEX_DISCOVERY_URL"]
    assert f"discovery_url: {expected}\n" in control_plane.manifest_file(layout.directory).read_text(encoding="utf-8")


@pytest.mark.parametrize("addresses", [Addresses(), Addresses(18080, 15556)], ids=["warm", "fresh"])
def test_the_ports_of_a_cluster_leave_the_discovery_url_as_it_is(addresses: Addresses) -> None:
    objects = with_seed(with_addresses(OVERLAY, addresses), SEED)
    manifest = by_name(objects, "ConfigMap")["plexsphere-bootstrap"]["data"]["manifest.yaml"]
    config = by_name(objects, "ConfigMap")["plexsphere-config"]["data"]

    assert f"discovery_url: {config['PLEXSPHERE_DEX_DISCOVERY_URL']}\n" in manifest


def _wired(workload: str, objects: Sequence[KubeObject] = OVERLAY) -> Mapping[str, str]:
    """The variables of a workload's main container; by default without the patches of the profile ``full``."""
    (found,) = [each for each in workloads(objects) if each.name == workload]
    return variables(found.main, objects)


def _documented() -> dict[str, set[str]]:
    """The programs that read each variable, from the table in docs/reference/programs.md."""
    page = (ROOT / "docs" / "reference" / "programs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`PLEXSPHERE_[^|]+) \| ([^|]+) \|", page, re.MULTILINE)
    return {
        name: {reader.strip() for reader in readers.split(",")}
        for names, readers in rows
        for name in re.findall(r"PLEXSPHERE_[A-Z0-9_]+", names)
    }
