from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import sys
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.images import build_context
from pytest_plexdev.stack.kind.images.build import _build, _has
from pytest_plexdev.stack.kind.images.build_context import content_hash, read_content
from tests.support.engine import serving

ROOT = Path(__file__).parents[6]
RECIPE = ROOT / "deploy" / "local" / "images"
PACKAGE_OF = {
    "argon2": "argon2-cffi",
    "google": "protobuf",
    "grpc": "grpcio",
    "nats": "nats-py",
    "psycopg_pool": "psycopg",
    "re2": "google-re2",
    "yaml": "pyyaml",
}
NODE = "docker.io/library/plexsphere:dev"


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all inputs of the images: ``tmp_path`` has ``deploy`` and the package."""
    shutil.copytree(ROOT / "deploy" / "local" / "images", tmp_path / "deploy" / "images")
    shutil.copytree(ROOT / "plexsphere_reference", tmp_path / "plexsphere_reference")
    monkeypatch.setattr(build_context, "deploy_directory", lambda: tmp_path / "deploy")
    monkeypatch.setattr(build_context, "_package_directory", lambda: tmp_path / "plexsphere_reference")
    return tmp_path


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: _append(root / "plexsphere_reference" / "http" / "server.py"),
        lambda root: _append(root / "plexsphere_reference" / "schema" / "authz.zed"),
        lambda root: _append(root / "deploy" / "images" / "Dockerfile"),
        lambda root: _append(root / "deploy" / "images" / "requirements.txt"),
        lambda root: (root / "plexsphere_reference" / "migrations" / "9999_more.sql").write_text("SELECT 1"),
        lambda root: (root / "plexsphere_reference" / "ids.py").rename(root / "plexsphere_reference" / "ids2.py"),
    ],
    ids=["code", "schema", "recipe", "packages", "added", "renamed"],
)
def test_every_change_of_an_input_is_another_content(inputs: Path, change: Callable[[Path], object]) -> None:
    before = content_hash()

    change(inputs)

    assert content_hash() != before


def test_another_base_is_another_content() -> None:
    assert content_hash(base="python:3.12-slim-bookworm") != content_hash()


def test_what_python_or_a_clock_leaves_is_no_input(inputs: Path) -> None:
    before = content_hash(), read_content().context()

    (inputs / "plexsphere_reference" / "__pycache__").mkdir(exist_ok=True)
    (inputs / "plexsphere_reference" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (inputs / "plexsphere_reference" / "ids.py").touch()

    assert (content_hash(), read_content().context()) == before


def test_the_context_is_the_recipe_and_the_whole_package() -> None:
    with tarfile.open(fileobj=io.BytesIO(read_content().context())) as archive:
        names = archive.getnames()
        assert {member.mtime for member in archive} == {0}

    assert {"Dockerfile", "requirements.txt", "plexsphere_reference/__main__.py"} <= set(names)
    assert {"plexsphere_reference/migrations/0001_tenancy.sql", "plexsphere_reference/schema/authz.zed"} <= set(names)
    assert [name for name in names if "__pycache__" in name] == []


def test_the_images_have_every_package_that_the_plane_imports() -> None:
    imported = {name for path in (ROOT / "plexsphere_reference").rglob("*.py") for name in _third_party(path)}

    assert {PACKAGE_OF.get(name, name.replace("_", "-")) for name in imported} <= _asked_for()


def test_the_images_use_the_package_bounds_of_the_embedded_stack() -> None:
    """Both have the same lower bounds, so that a test on the embedded stack sees what runs in the cluster."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    bounds = dict(_split(line) for line in (*extras["embedded"], *extras["full"]))

    asked = dict(_split(line) for line in _lines(RECIPE / "requirements.in"))
    assert {name: bound for name, bound in asked.items() if bound and name in bounds} == {
        name: bounds[name] for name in asked if asked[name] and name in bounds
    }


def test_every_package_is_pinned_by_hash_without_a_registry() -> None:
    text = (RECIPE / "requirements.txt").read_text()
    pinned = re.findall(r"^([a-z0-9-]+)==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)

    assert len(pinned) == len(re.findall(r"^[a-z]", text, re.MULTILINE)) >= 25
    assert _asked_for() <= set(pinned)
    assert "://" not in text


@pytest.mark.parametrize(
    ("on_node", "identity", "answer"),
    [
        ({NODE: "sha256:manifest", "sha256:one": "sha256:manifest"}, "sha256:one", "has it"),
        ({NODE: "sha256:manifest", "sha256:one": "sha256:manifest"}, "sha256:two", "lacks it"),
        ({NODE: "sha256:new", "sha256:one": "sha256:manifest"}, "sha256:one", "lacks it"),
        ({NODE: "sha256:manifest"}, "sha256:manifest", "has it"),
        ({NODE: "sha256:manifest"}, "", "has it"),
        ({"sha256:one": "sha256:manifest"}, "sha256:one", "lacks it"),
    ],
    ids=["same", "rebuilt", "name moved", "engine on containerd", "any content", "name gone"],
)
def test_a_node_has_an_image_only_with_its_content(on_node: dict[str, str], identity: str, answer: str) -> None:
    assert _has(on_node, NODE, identity) is (answer == "has it")


def _third_party(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"plexsphere_reference"}


def _asked_for() -> set[str]:
    return {_split(line)[0] for line in _lines(RECIPE / "requirements.in")}


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def _split(requirement: str) -> tuple[str, str]:
    """Split a requirement into name and bound: ``psycopg[binary]>=3.2`` is ``psycopg`` and ``>=3.2``."""
    found = re.fullmatch(r"([A-Za-z0-9_-]+)(?:\[[^\]]*\])?(.*)", requirement)
    assert found is not None
    return found.group(1).lower(), found.group(2)


PIP = "ERROR: Could not find a version that satisfies the requirement argon2-cffi==23.1.0 (from versions: none)"


@pytest.mark.parametrize(
    ("configuration", "output", "fix"),
    [
        (
            {"proxies": {"default": {"httpProxy": "http://me:s3cret@proxy:3128", "httpsProxy": "http://proxy:3128"}}},
            PIP,
            "config.json sets the proxy proxy:3128 for builds, but pip cannot download through it: correct it there",
        ),
        ({"proxies": {"default": {"httpProxy": "http://proxy:3128"}}}, "exit code: 1", "Dockerfile; then:"),
        ({"auths": {}}, PIP, "Dockerfile; then: plexdev images build"),
    ],
    ids=["proxies", "another failure", "no proxies"],
)
def test_a_failed_build_names_the_proxies_of_the_client(
    configuration: object, output: str, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\necho '{output}'; exit 1\n")
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps(configuration))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    with serving(tmp_path) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        with pytest.raises(PlexdevError) as error:
            _build("plexsphere:dev", base="b", content="c", context=b"")

    assert error.value.tag == "image-build-failed"
    assert fix in error.value.fix
    assert "s3cret" not in str(error.value)
