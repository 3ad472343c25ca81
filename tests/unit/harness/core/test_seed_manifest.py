"""A seed manifest that cannot be used is refused with its line, before anything starts."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest
import yaml

from plexsphere_reference import seed_manifest as read_manifest
from pytest_plexdev.core import seed_manifest
from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.core.model import SeededTenant
from pytest_plexdev.core.seed_manifest import check_seed
from pytest_plexdev.core.seeded_domains import with_people_of
from pytest_plexdev.errors import PlexdevError

OURS = seed_file().read_text()


def check(path: Path, *, for_reference_plane: bool = True) -> None:
    check_seed(path, source="--seed", for_reference_plane=for_reference_plane)


def test_ours_is_usable() -> None:
    check(seed_file())
    check(seed_file(), for_reference_plane=False)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe", "it is not UTF-8 (byte 0)"),
        (b"a: [1,\nb: 2\n", "line 3: it is not YAML: "),
        (b"a: \x00", "it is not YAML: "),
        (b"[" * 3000 + b"]" * 3000, "it is not YAML: "),
        (b"just words", "line 1: expected `object`, got `str`"),
        (b"version: 1\n\ndomains: none\n", "line 3: expected `array`, got `str` in domains"),
        (b"version: 1\ndomains:\n- slug: acme-corp\n", "line 3: object missing required field `id` in domains[0]"),
        (OURS.replace("    name: Beta LLC", "    nmae: Beta LLC").encode(), "unknown field `nmae` in domains[1]"),
        (OURS.replace("jit_policy: allow", "jit_policy: maybe").encode(), "invalid enum value 'maybe'"),
        (OURS.replace("  full: openbao:", "  ful: openbao:").encode(), "invalid enum value 'ful'"),
        (OURS.replace("slug: beta-llc", "slug: acme-corp").encode(), "the slug acme-corp occurs 2 times"),
        (OURS.replace("0000be01", "0000ac01").encode(), "00ac01 occurs 2 times"),
        (OURS.replace("0000be11", "0000ac11").encode(), "00ac11 occurs 2 times"),
        (OURS.replace("0000be21", "0000ac21").encode(), "00ac21 occurs 2 times"),
        (OURS.replace("10.65.0.0/16", "10.64.7.0/24").encode(), "mesh_cidr of acme-corp and of beta-llc overlap"),
        (OURS.replace("10.65.0.0/16", "10.65.0.1/16").encode(), "mesh_cidr of beta-llc: 10.65.0.1/16 has host bits"),
        (OURS.replace("domain: acme-corp", "domain: nosuch").encode(), "of nosuch, who is not seeded"),
        (OURS.replace("0000be11", "be11").encode(), "invalid UUID in domains[1].idp_bindings[0].id"),
    ],
)
def test_a_flaw_in_words(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_bytes(content)

    with pytest.raises(PlexdevError) as caught:
        check(path)

    assert caught.value.tag == "seed-unusable"
    assert f"the seed manifest {path} cannot be used: " in str(caught.value)
    assert says in str(caught.value)
    assert "it comes from --seed" in str(caught.value)


def test_a_file_that_is_not_there_and_one_that_is_none(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, says in (
        (tmp_path / "no.yaml", "No such file"),
        (tmp_path, "it is not a regular file"),
        (pipe, "it is not a regular file"),
    ):
        with pytest.raises(PlexdevError, match=says):
            check(path)


def test_the_seed_of_another_plane_may_have_more(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("domains:\n- {slug: acme-corp, quota: 3}\n")

    check(path, for_reference_plane=False)
    with pytest.raises(PlexdevError):
        check(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("domains:\n- {quota: 3}\n", "line 2: object missing required field `slug` in domains[0]"),
        ("domains:\n- {slug: a, domain_admins: [{email: a@x}]}\n", "`external_subject` in domains[0].domain_admins[0]"),
        ("domains:\n- {slug: a, domain_admins: [{external_subject: s}]}\n", "`email` in domains[0].domain_admins[0]"),
        ("domains: []\nplatform_operators: [{domain: a}]\n", "`external_subject` in platform_operators[0]"),
    ],
)
def test_the_seed_of_another_plane_has_what_is_read_of_it(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(content)

    with pytest.raises(PlexdevError, match=re.escape(says)):
        check(path, for_reference_plane=False)


@pytest.mark.parametrize(
    "content",
    [
        "domains:\n- {slug: acme-corp, quota: 3}\n- {slug: b, domain_admins: null, idp_bindings: [{}]}\n",
        "domains:\n- {slug: acme-corp, domain_admins: [{external_subject: s, email: s@x}]}\nplatform_operators: null\n",
    ],
)
def test_what_is_usable_names_its_people_without_ids(tmp_path: Path, content: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(content)
    check(path, for_reference_plane=False)

    there = [SeededTenant(slug=slug, domain_id="d", binding_id="b") for slug in ("acme-corp", "b")]
    found = with_people_of(there, yaml.safe_load(content))

    assert [each.domain_id for each in found] == ["d", "d"]
    assert found[0].admin == ("s@x" if "s@x" in content else there[0].admin)


def test_the_form_is_the_bootstrap_s() -> None:
    checked, read = (msgspec.json.schema(each) for each in (seed_manifest.Manifest, read_manifest.Manifest))

    assert _without_descriptions(checked) == _without_descriptions(read)


def _without_descriptions(schema: object) -> object:
    if isinstance(schema, dict):
        return {name: _without_descriptions(value) for name, value in schema.items() if name != "description"}
    return [_without_descriptions(each) for each in schema] if isinstance(schema, list) else schema
