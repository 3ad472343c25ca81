from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.stack.kind.cluster import config
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import fingerprint

OURS = KindSettings()


@pytest.fixture
def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "local"
    shutil.copytree(deploy_directory(), copy)
    for module in (fingerprint, config):
        monkeypatch.setattr(module, "deploy_directory", lambda: copy)
    return copy


def test_nothing_differs_from_itself() -> None:
    assert fingerprint.differing(fingerprint.current(OURS), fingerprint.current(OURS)) == []


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("base/postgres/stateful-set.yaml", "base/postgres"),
        ("overlays/lean/kustomization.yaml", "overlays/lean"),
        ("envoy-proxy/envoy-proxy.yaml", "envoy-proxy"),
        ("kind.yaml", "kind.yaml"),
    ],
)
def test_an_edit_is_named_by_what_a_person_edited(deploy: Path, file: str, name: str) -> None:
    before = fingerprint.current(OURS)
    with (deploy / file).open("a") as edited:
        edited.write("# another\n")

    assert fingerprint.differing(before, fingerprint.current(OURS)) == [name]


@pytest.mark.parametrize(
    ("file", "lean", "full"),
    [
        ("images.toml", 'tag = "16-alpine"', 'tag = "v0.18.2"'),
        ("vendor/vendor.toml", 'version = "v1.4.0"', 'version = "v0.18.2"'),
    ],
)
def test_an_edited_pin_is_drift_of_the_profiles_that_use_it(deploy: Path, file: str, lean: str, full: str) -> None:
    other = KindSettings(profile="full")
    before = [fingerprint.current(each) for each in (OURS, other)]

    def edit(text: str) -> list[list[str]]:
        content = (deploy / file).read_text()
        assert text in content
        (deploy / file).write_text(content.replace(text, 'tag = "another"\nversion = "another"', 1))
        after = [fingerprint.current(each) for each in (OURS, other)]
        return [fingerprint.differing(*each) for each in zip(before, after, strict=True)]

    assert edit(full) == [[], [file]]
    assert edit(lean) == [[file], [file]]


@pytest.mark.parametrize("file", ["base/openbao/config.yaml", "overlays/dev/kustomization.yaml"])
def test_an_edit_of_what_only_full_has_is_no_drift_of_lean(deploy: Path, file: str) -> None:
    full = KindSettings(profile="full")
    lean_before, full_before = fingerprint.current(OURS), fingerprint.current(full)
    with (deploy / file).open("a") as edited:
        edited.write("# another\n")

    assert fingerprint.differing(lean_before, fingerprint.current(OURS)) == []
    assert fingerprint.differing(full_before, fingerprint.current(full)) == [file.rpartition("/")[0]]


def test_another_profile_is_named_with_what_it_adds() -> None:
    lean, full = fingerprint.current(OURS), fingerprint.current(KindSettings(profile="full"))

    assert fingerprint.differing(lean, full) == [
        "base/crossplane",
        "base/external-secrets",
        "base/loki",
        "base/mimir",
        "base/openbao",
        "base/seaweedfs",
        "images.toml",
        "overlays/dev",
        "profile",
        "vendor/vendor.toml",
    ]


def test_a_new_file_is_an_edit_too(deploy: Path) -> None:
    before = fingerprint.current(OURS)
    (deploy / "base" / "nats" / "more.yaml").touch()

    assert fingerprint.differing(before, fingerprint.current(OURS)) == ["base/nats"]


def test_options_are_inputs(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text("version: 1\n")
    before = fingerprint.current(OURS)

    assert fingerprint.differing(before, fingerprint.current(KindSettings(seed=seed))) == [f"seed {seed}"]
    assert fingerprint.differing(before, fingerprint.current(KindSettings(kind_image="kindest/node:v1.34.0"))) == [
        "--plexdev-kind-image"
    ]
    assert fingerprint.differing(before, fingerprint.current(KindSettings(images={"nats": "nats:2.11"}))) == [
        "--plexdev-image"
    ]


def test_a_custom_overlay_is_fingerprinted_with_its_bases(tmp_path: Path) -> None:
    for name, text in {"overlay": "resources: [../base]\n", "base": "resources: [a.yaml]\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "kustomization.yaml").write_text(text)
    (tmp_path / "base" / "a.yaml").write_text("a: 1\n")
    settings = KindSettings(overlay=tmp_path / "overlay")
    before = fingerprint.current(settings)
    (tmp_path / "base" / "a.yaml").write_text("a: 2\n")

    assert fingerprint.differing(before, fingerprint.current(settings)) == [f"overlay {tmp_path / 'overlay'}"]
    assert "base/postgres" not in before
    assert "envoy-gateway" in before


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
@pytest.mark.parametrize("field", ["resources", "components", "generators", "transformers", "validators"])
def test_whatever_kustomize_follows_is_an_input(tmp_path: Path, name: str, field: str) -> None:
    for directory in ("overlay", "elsewhere"):
        (tmp_path / directory).mkdir()
    (tmp_path / "overlay" / name).write_text(f'{field}: ["a: {"x" * 300}\\n", ../elsewhere]\n')
    (tmp_path / "elsewhere" / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    settings = KindSettings(overlay=tmp_path / "overlay")
    before = fingerprint.current(settings)
    (tmp_path / "elsewhere" / "a.yaml").write_text("a: 2\n")

    assert fingerprint.differing(before, fingerprint.current(settings)) == [f"overlay {tmp_path / 'overlay'}"]


def test_who_names_no_node_image_takes_the_cluster_s() -> None:
    made_with = fingerprint.current(KindSettings(kind_image="kindest/node:v1.34.0"))

    assert fingerprint.differing(made_with, fingerprint.current(KindSettings())) == []
    other = fingerprint.current(KindSettings(kind_image="kindest/node:v1.33.0"))
    assert fingerprint.differing(made_with, other) == ["--plexdev-kind-image"]


def test_an_invalid_path_in_an_overlay_is_left_to_kubectl(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text('resources: ["a\\0b"]\n')

    assert f"overlay {tmp_path}" in fingerprint.current(KindSettings(overlay=tmp_path))
