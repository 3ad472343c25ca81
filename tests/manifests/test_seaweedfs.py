"""SeaweedFS: its credentials are in one Secret twice, and its seed is the reference plane's."""

from __future__ import annotations

import json

from plexsphere_reference.artifacts.fixture_releases import objects
from pytest_plexdev.kube.resources import KubeObject
from tests.support.manifests import by_name, overlay_objects, variables, workloads

OVERLAY = overlay_objects()
(SEAWEEDFS,) = [each for each in workloads(OVERLAY) if each.name == "seaweedfs"]


def test_the_api_has_the_credentials_of_the_identity(rendered: list[KubeObject]) -> None:
    (api,) = [each for each in workloads(rendered) if each.name == "plexsphere"]
    identities = json.loads(by_name(rendered, "Secret")["seaweedfs-credentials"]["stringData"]["s3.json"])
    wired = variables(api.main, rendered)

    assert [each["credentials"] for each in identities["identities"]] == [
        [{"accessKey": wired["PLEXSPHERE_S3_ACCESS_KEY"], "secretKey": wired["PLEXSPHERE_S3_SECRET_KEY"]}]
    ]


def test_it_logs_warnings_and_errors_only() -> None:
    arguments = SEAWEEDFS.main["args"]

    assert arguments[: arguments.index("server")] == ["-logtostderr=true", "-v=-1"]


def test_the_mounted_seed_is_that_of_the_reference_plane() -> None:
    seed = by_name(OVERLAY, "ConfigMap")["seaweedfs-seed"]["data"]
    (volume,) = [each for each in SEAWEEDFS.pod["volumes"] if each["name"] == "seed"]
    mounted = {item["path"]: seed[item["key"]].encode() for item in volume["configMap"]["items"]}

    assert mounted == dict(objects())
    assert len(seed) == len(mounted)


def test_the_seed_goes_into_the_bucket_that_the_api_reads(rendered: list[KubeObject]) -> None:
    (api,) = [each for each in workloads(rendered) if each.name == "plexsphere"]
    script = SEAWEEDFS.main["lifecycle"]["postStart"]["exec"]["command"][-1]
    bucket = variables(api.main, rendered)["PLEXSPHERE_S3_BUCKET"]

    assert f"s3.bucket.create -name {bucket}'" in script
    assert f"http://127.0.0.1:8888/buckets/{bucket}/" in script
