"""The output of ``plexdev manifests``, with the real kustomize. No cluster is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_plexdev.cli import main
from pytest_plexdev.core.deployment import seed_file
from pytest_plexdev.errors import SEED_UNUSABLE, PlexdevError
from pytest_plexdev.stack.kind.manifests.render import render
from pytest_plexdev.stack.kind.manifests.transform import INPUTS, images_of, pod_template
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings

pytestmark = pytest.mark.usefixtures("cluster_tools")


@pytest.fixture(scope="module")
def printed(cluster_tools: None) -> list[dict[str, Any]]:
    argv = [sys.executable, "-m", "pytest_plexdev.cli.main", "manifests"]
    environment = {**os.environ, "PLEXDEV_IMAGES": "nats=registry.test/nats:9"}
    result = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    return list(yaml.load_all(result.stdout, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def test_every_image_has_a_tag_and_one_of_ones_own_is_used(printed: list[dict[str, Any]]) -> None:
    images = {image for each in printed for image in images_of(each) if each["kind"] != "CustomResourceDefinition"}

    assert {"postgres:16-alpine", "plexsphere:dev", "registry.test/nats:9"} <= images
    assert [image for image in images if ":" not in image.rpartition("/")[2]] == []


def test_every_pod_rolls_with_what_it_is_made_of(printed: list[dict[str, Any]]) -> None:
    templates = [template for each in printed if (template := pod_template(each)) is not None]

    assert len(templates) > 8
    assert all(template["metadata"]["annotations"][INPUTS] for template in templates)


def test_a_fresh_stack_names_its_own_addresses_and_no_other() -> None:
    text = yaml.safe_dump_all(render(Addresses(41000, 41001)))

    assert "http://localhost:41001/dex" in text
    assert "localhost:8080" not in text
    assert "localhost:5556" not in text


def test_a_seed_of_ones_own_is_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(seed_file().read_text().replace("acme-corp", "delta-corp"))

    assert main.main(["manifests", "--seed", str(seed)]) == 0
    printed = capsys.readouterr().out
    assert "slug: delta-corp" in printed
    assert "slug: acme-corp" not in printed

    assert main.main(["manifests", "--seed", str(tmp_path / "none.yaml")]) == SEED_UNUSABLE.exit_code
    refused = capsys.readouterr()
    assert "plexdev[seed-unusable]" in refused.err
    assert refused.out == ""


def test_an_overlay_of_ones_own_gets_our_mark_and_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [one.yaml]\n")
    (tmp_path / "one.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {url: http://localhost:8080}\n"
    )

    names = {each["metadata"]["name"]: each for each in render(Addresses(41000, 41001), KindSettings(overlay=tmp_path))}

    assert {"one", "plexdev-sentinel", "envoy-gateway", "envoy-proxy-config"} <= set(names)
    assert "postgres" not in names
    assert names["one"]["data"]["url"] == "http://localhost:41000"


def test_an_overlay_that_kustomize_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")

    with pytest.raises(PlexdevError) as refusal:
        render(Addresses(), KindSettings(overlay=tmp_path))

    assert refusal.value.tag == "command-failed"
    assert "missing.yaml" in str(refusal.value)
