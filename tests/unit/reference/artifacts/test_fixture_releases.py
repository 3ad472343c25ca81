from __future__ import annotations

import base64
import hashlib
import json

import pytest

from plexsphere_reference.artifacts.fixture_releases import SEEDED, Seeded, objects
from plexsphere_reference.artifacts.layout import binary_key, bundle_key, read_record, record_key
from tests.support.checkout import ROOT


def test_the_supported_release_is_the_pinned_plexd() -> None:
    pinned = (ROOT / "PLEXD_VERSION").read_text(encoding="utf-8").strip()

    assert [each.version for each in SEEDED if each.support_status == "supported"] == [pinned]


@pytest.mark.parametrize("release", SEEDED, ids=lambda each: each.version)
def test_a_seeded_record_describes_what_lies_beside_it(release: Seeded) -> None:
    seeded = dict(objects())

    record = read_record(release.version, seeded[record_key(release.version)])

    assert (record.support_status, record.verdict) == (release.support_status, release.verdict)
    for build in record.architectures:
        binary = seeded[binary_key(release.version, build.architecture)]
        assert build.checksum == hashlib.sha256(binary).hexdigest()
        assert b"a fixture of pytest-plexdev" in binary


def test_a_seeded_bundle_names_the_checksums_and_says_what_it_is() -> None:
    seeded = dict(objects())
    bundle = json.loads(seeded[bundle_key("0.1.0")])
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))

    builds = read_record("0.1.0", seeded[record_key("0.1.0")]).architectures
    assert [each["digest"]["sha256"] for each in statement["subject"]] == [each.checksum for each in builds]
    assert "a fixture of pytest-plexdev" in statement["predicate"]["notice"]


def test_a_record_is_put_behind_what_it_describes() -> None:
    keys = [key for key, _ in objects()]

    for release in SEEDED:
        own = [key for key in keys if key.startswith(f"plexd/{release.version}/")]
        assert own[-1] == record_key(release.version)
