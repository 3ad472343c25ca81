"""Each image is pinned in one place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.manifests import BASES, DEPLOY, OURS, image_name, objects, overlay_objects, workloads

PINS: dict[str, dict[str, Any]] = tomllib.loads((DEPLOY / "images.toml").read_text(encoding="utf-8"))["images"]
DEPLOYED = [
    *overlay_objects(),
    *objects(DEPLOY / "envoy-gateway"),
    *objects(DEPLOY / "envoy-proxy"),
]


def test_the_pins_are_the_contract_s() -> None:
    pinned = {f"{each['name']}:{each['tag']}" for each in PINS.values()}

    assert pinned == {
        "postgres:16-alpine",
        "nats:2.10.20",
        "ghcr.io/dexidp/dex:v2.41.1",
        "authzed/spicedb:v1.39.0",
        "busybox:1.35",
        "python:3.11-slim-bookworm",
        "envoyproxy/gateway:v1.6.0",
        "envoyproxy/envoy:distroless-v1.36.2",
        "openbao/openbao:2.0.0",
        "chrislusf/seaweedfs:3.75",
        "grafana/mimir:2.14.3",
        "grafana/loki:3.3.2",
        "xpkg.crossplane.io/crossplane/crossplane:v2.0.2",
        "oci.external-secrets.io/external-secrets/external-secrets:v0.18.2",
    }


def test_a_digest_is_one_or_empty() -> None:
    assert [each for each in PINS.values() if not re.fullmatch(r"(sha256:[0-9a-f]{64})?", each["digest"])] == []


def test_exactly_the_deployed_images_are_pinned() -> None:
    named = {value for each in DEPLOYED for value in _images(each)} - set(OURS)

    assert named == {each["name"] for each in PINS.values() if not each.get("build")}


@pytest.mark.parametrize("pin", PINS.values(), ids=PINS)
def test_no_other_file_names_its_tag(pin: dict[str, Any]) -> None:
    # Exclude ports and schemes: postgres:5432, nats://
    reference = re.compile(rf"(?<![\w./-]){re.escape(pin['name'])}(:(?!//|\d{{4,5}}\b)[\w]|@sha256)")
    tag = re.compile(rf"(newTag|tag|image)\b.*[:= \"']{re.escape(pin['tag'])}\b")
    named = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if reference.search(line) or tag.search(line)
    ]

    assert named == []


def test_plexd_s_tag_is_plexd_version() -> None:
    version = (ROOT / "PLEXD_VERSION").read_text(encoding="utf-8").strip()
    kustomization = (DEPLOY / "base" / "plexd" / "kustomization.yaml").read_text(encoding="utf-8")

    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert f"newTag: {version}\n" in kustomization


def test_the_pages_name_plexd_s_tag() -> None:
    version = (ROOT / "PLEXD_VERSION").read_text(encoding="utf-8").strip()
    pages = (ROOT / "docs" / "how-to" / "kind.md", ROOT / "examples" / "agent" / "Dockerfile")

    for page in pages:
        assert set(re.findall(r"\bplexd:(\d[\w.]*)", page.read_text(encoding="utf-8"))) == {version}


def test_plexd_is_not_rendered(rendered: list[dict[str, Any]]) -> None:
    (plexd,) = workloads(objects(DEPLOY / "base" / "plexd"))

    assert image_name(plexd.main) == "plexd"
    assert "plexd" not in {each.name for each in workloads(rendered)}
    assert DEPLOY / "base" / "plexd" in BASES


def _images(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "image" and isinstance(value, str):
                yield value
            else:
                yield from _images(value)
    elif isinstance(part, list):
        for each in part:
            yield from _images(each)


def _sources() -> list[Path]:
    suffixes = {".py", ".yaml", ".yml", ".toml", ".md", ".txt", ".in", ""}
    files = [path for room in ("deploy", "pytest_plexdev") for path in (ROOT / room).rglob("*") if path.is_file()]
    return [path for path in files if path.suffix in suffixes and path != DEPLOY / "images.toml"]
