"""``plexdev_bucket`` and ``client.artifacts`` on an embedded stack of the profile ``full``, with the real SeaweedFS."""

from __future__ import annotations

import importlib.util
import re

import pytest

from tests.support.checkout import ROOT
from tests.support.missing_package import conftest_without

PAGE = (ROOT / "docs" / "how-to" / "buckets.md").read_text(encoding="utf-8")
TESTS = """
import hashlib
import json

import pytest

from pytest_plexdev import PlexdevError, ProblemError

names = []

def test_the_control_plane_serves_what_lies_in_its_bucket(plexdev_bucket, plexdev_client):
    def stored(version, name):
        with plexdev_bucket.client.get_object("plexsphere", f"plexd/{version}/{name}") as answer:
            return answer.read()

    releases = {each.version: each for each in plexdev_client.artifacts.list()}
    assert [each.support_status for each in releases.values()] == ["withdrawn", "deprecated", "supported"]
    for version, release in releases.items():
        assert plexdev_client.artifacts.get(version) == release
        for architecture, checksum in release.checksums.items():
            binary = stored(version, f"plexd-linux-{architecture}")
            assert hashlib.sha256(binary).hexdigest() == checksum
    bundle = plexdev_client.artifacts.bundle("0.1.0")
    assert bundle == stored("0.1.0", "bundle.sigstore.json")
    assert json.loads(bundle)["mediaType"].startswith("application/vnd.dev.sigstore.bundle")

def test_a_bundle_that_is_absent(plexdev_client):
    with pytest.raises(ProblemError) as absent:
        plexdev_client.artifacts.bundle("0.0.8")
    assert (absent.value.status, absent.value.code) == (404, "release_not_found")

def test_a_tenant_s_admin_is_not_told_what_exists(plexdev_tenants):
    beta = plexdev_tenants["beta-llc"].client
    for call in (beta.artifacts.get, beta.artifacts.bundle):
        with pytest.raises(ProblemError) as hidden:
            call("0.1.0")
        assert (hidden.value.status, hidden.value.code) == (404, "release_not_found")
    with pytest.raises(ProblemError) as refused:
        list(beta.artifacts.list())
    assert (refused.value.status, refused.value.code) == (403, "permission_denied")

def test_a_bucket_is_the_test_s_own(plexdev_bucket, plexdev_stack):
    assert plexdev_stack.info.profile == "full"
    assert plexdev_bucket.list() == []
    plexdev_bucket.put("key", b"x")
    names.append(plexdev_bucket.name)

def test_the_bucket_of_another_test_is_gone(plexdev_bucket):
    assert not plexdev_bucket.client.bucket_exists(names[0])

def test_a_missing_object_is_reported(plexdev_bucket):
    plexdev_bucket.put("beside", b"x")
    plexdev_bucket.get("missing")
"""


@pytest.fixture(autouse=True)
def _wheels() -> None:
    if importlib.util.find_spec("minio") is None:
        pytest.skip("the extra full is not installed")


def test_a_run_uses_a_bucket_of_its_stack(project: pytest.Pytester) -> None:
    blocks = re.findall(r'```python title="(test_\w+)\.py"\n(.*?)```', PAGE, re.DOTALL)
    project.makepyfile(test_ours=TESTS, **{name: f"{code}\n" for name, code in blocks})
    result = project.runpytest_subprocess("-p", "no:randomly", "test_ours.py", *(f"{name}.py" for name, _ in blocks))

    assert [name for name, _ in blocks] == ["test_buckets", "test_releases"]
    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*plexdev[[]object-missing[]]: the bucket test-* has no object missing",
            "*the bucket has beside",
        ]
    )


def test_without_the_client_the_extra_is_named(project: pytest.Pytester) -> None:
    project.makepyfile(test_bucket="def test_it(plexdev_bucket): pass")
    project.makeconftest(conftest_without("minio"))
    result = project.runpytest_subprocess("test_bucket.py")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*plexdev[[]extra-missing[]]: the package minio is not installed; the extra full *"])
