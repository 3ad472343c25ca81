from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.profiles import PROFILES
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import BAD_SETTING
from pytest_plexdev.stack.kind.images.digests import _with_digests, refuse_changed
from pytest_plexdev.stack.kind.images.local import LocalImages, canonical
from pytest_plexdev.stack.kind.images.overrides import substitutes
from pytest_plexdev.stack.kind.images.pins import deployed, override, pins_file, read_pins, references, replaceable

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
PINS = """\
# Why this file is here.
[images.nats]
name = "nats"   # the broker
tag = "2.10.20"
digest = ""

[images.dex]
digest = ""  # of a real pull
tag = "v2.41.1"
name = "ghcr.io/dexidp/dex"
"""


def test_the_pins_of_the_dev_stack_are_the_products() -> None:
    pins = read_pins()

    assert pins["postgres"].reference == "postgres:16-alpine"
    assert pins["spicedb"].reference == "authzed/spicedb:v1.39.0"
    assert [name for name, pin in pins.items() if not pin.is_deployed] == ["python"]


def test_a_profile_has_the_images_that_its_pods_use() -> None:
    lean, full = (set(deployed(read_pins(), profile)) for profile in PROFILES)

    assert full - lean == {"openbao", "seaweedfs", "mimir", "loki", "crossplane", "external-secrets"}
    assert {"postgres", "nats", "dex", "spicedb"} < lean < full
    assert "python" not in full  # only the base of our own images; no Pod runs it


def test_every_image_that_may_be_named_is_one_that_is_replaced() -> None:
    images = {name: f"mine/{name}:1" for name in replaceable(read_pins())}

    assert set(images.values()) <= set(references(images).values())
    assert substitutes(images) == sorted(images.values())
    assert "python" not in images  # only the base of our own images; no Pod runs it


def test_a_command_refuses_an_unknown_image_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_IMAGES", "natz=nats:2.11")

    assert main.main(["manifests"]) == BAD_SETTING.exit_code
    output = capsys.readouterr()
    assert "PLEXDEV_IMAGES=natz=nats:2.11: NAME must be one of busybox, crossplane, dex, envoy, " in output.err
    assert output.out == ""


def test_a_digest_is_one_of_a_registry_or_none() -> None:
    assert [pin.name for pin in read_pins().values() if pin.digest and not pin.digest.startswith("sha256:")] == []


@pytest.mark.parametrize(
    "reference", ["nats:2.11", "localhost:5000/nats:2.11", "mine/nats", f"example.org/nats@{DIGEST}"]
)
def test_a_replaced_pin_has_no_digest(reference: str) -> None:
    pins = override(read_pins(), {"nats": reference, "plexsphere": "mine:1"})

    assert canonical(pins["nats"].reference) == canonical(reference)
    assert pins["nats"].digest is None
    assert pins.keys() == read_pins().keys()


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("nats:2.10.20", "docker.io/library/nats:2.10.20"),
        ("nats", "docker.io/library/nats:latest"),
        ("docker.io/nats:1", "docker.io/library/nats:1"),
        ("docker.io/library/nats:1", "docker.io/library/nats:1"),
        ("authzed/spicedb:v1", "docker.io/authzed/spicedb:v1"),
        ("ghcr.io/dexidp/dex:v2", "ghcr.io/dexidp/dex:v2"),
        ("localhost/one:1", "localhost/one:1"),
        ("127.0.0.1:5000/one", "127.0.0.1:5000/one:latest"),
        (f"kindest/node:v1@{DIGEST}", f"docker.io/kindest/node@{DIGEST}"),
    ],
)
def test_the_full_name_of_an_image(reference: str, full: str) -> None:
    assert canonical(reference) == full


def test_a_digest_is_written_and_the_rest_of_the_file_stays() -> None:
    written = _with_digests(PINS, {"dex": DIGEST})

    assert written == PINS.replace('digest = ""  #', f'digest = "{DIGEST}"  #')


def test_two_digests_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    path.write_text(_with_digests(pins_file().read_text(), {"nats": DIGEST, "envoy-gateway": OTHER}))

    pins = read_pins(path)

    assert (pins["nats"].digest, pins["envoy-gateway"].digest) == (DIGEST, OTHER)
    assert pins["dex"] == read_pins()["dex"]


def test_an_image_that_changed_at_its_registry_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    path.write_text(_with_digests(PINS, {"nats": DIGEST}))
    name = canonical("nats:2.10.20")

    refuse_changed(read_pins(path), LocalImages({name: "sha256:1"}, {name: DIGEST}))
    refuse_changed(read_pins(path), LocalImages({name: "sha256:1"}, {}))
    with pytest.raises(PlexdevError, match=r"plexdev\[image-changed\]: the local image nats:2.10.20 is " + OTHER):
        refuse_changed(read_pins(path), LocalImages({name: "sha256:1"}, {name: OTHER}))
