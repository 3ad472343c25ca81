"""``/v1/artifacts/plexd``: what lies in a real SeaweedFS, whatever that is."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.support.actors import client_of, new_user, refusal, walk
from tests.support.artifacts import CHECKSUM, Releases, record
from tests.support.control_plane import DOMAINS, Plane
from tests.support.enrolment import Site

PATH: Final = "/v1/artifacts/plexd"
SEEDED: Final = {"0.0.8": "withdrawn", "0.0.9": "deprecated", "0.1.0": "supported"}
NOT_FOUND: Final = (404, "release_not_found")


@pytest.fixture
def releases(plane: Plane) -> Iterator[Releases]:
    releases = Releases(plane.environment)
    yield releases
    releases.remove()


def versions(client: httpx.Client) -> list[str]:
    return [each["version"] for each in walk(client, PATH, limit=200)]


# ---- what is indexed -------------------------------------------------------------------


def test_the_seeded_releases_are_listed(acme: httpx.Client) -> None:
    listed = {each["version"]: each["support_status"] for each in acme.get(PATH).json()["items"]}

    assert listed.items() >= SEEDED.items()


def test_a_record_is_what_the_index_says(acme: httpx.Client) -> None:
    items = acme.get(PATH).json()["items"]

    assert [acme.get(f"{PATH}/{each['version']}").json() for each in items] == items


def test_a_checksum_is_that_of_the_binary(acme: httpx.Client, releases: Releases) -> None:
    builds = acme.get(f"{PATH}/0.1.0").json()["architectures"]
    binaries = [releases.get(f"plexd/0.1.0/plexd-linux-{each['architecture']}") for each in builds]

    assert [each["architecture"] for each in builds] == ["amd64", "arm64"]
    assert [each["checksum"] for each in builds] == [hashlib.sha256(each).hexdigest() for each in binaries]


def test_a_bundle_is_served_byte_for_byte(acme: httpx.Client, releases: Releases) -> None:
    answer = acme.get(f"{PATH}/0.1.0/sigstore")

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.content == releases.get("plexd/0.1.0/bundle.sigstore.json")
    assert answer.json()["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.mark.parametrize("content", [b"", b"\x00\xff\r\n{", gzip.compress(b"{}" * 1000)], ids=["none", "any", "gzip"])
def test_the_bytes_of_a_bundle_are_not_interpreted(acme: httpx.Client, releases: Releases, content: bytes) -> None:
    version = releases.add()
    releases.put(f"plexd/{version}/bundle.sigstore.json", content, **{"Content-Encoding": "gzip"})

    answer = acme.get(f"{PATH}/{version}/sigstore")

    assert (answer.status_code, answer.content) == (200, content)
    assert "content-encoding" not in answer.headers


def test_a_release_without_a_bundle(acme: httpx.Client) -> None:
    assert acme.get(f"{PATH}/0.0.8").json()["verdict"] == "unverified"
    assert refusal(acme.get(f"{PATH}/0.0.8/sigstore")) == NOT_FOUND


def test_a_bundle_without_a_release_is_not_served(acme: httpx.Client, releases: Releases) -> None:
    releases.put("plexd/9.9.9/bundle.sigstore.json", b"{}")

    assert refusal(acme.get(f"{PATH}/9.9.9/sigstore")) == NOT_FOUND
    assert "9.9.9" not in versions(acme)


def test_a_release_is_indexed_as_soon_as_it_is_there(acme: httpx.Client, releases: Releases) -> None:
    version = releases.add(created_at="2026-07-01T12:00:00Z", updated_at="2026-07-02T12:00:00+02:00", more="ignored")
    listed = next(each for each in acme.get(PATH).json()["items"] if each["version"] == version)

    assert acme.get(f"{PATH}/{version}").json() == record(version)
    assert listed == record(version, created_at="2026-07-01T12:00:00Z", updated_at="2026-07-02T10:00:00Z")


def test_pages_have_every_release_once(acme: httpx.Client, releases: Releases) -> None:
    added = [releases.add() for _ in range(3)]
    releases.put("plexd/0.0.8-broken/release.json", b"{")

    one_by_one = [each["version"] for each in walk(acme, PATH, limit=1)]

    assert one_by_one == versions(acme) == sorted({*SEEDED, *added, *one_by_one})


# ---- who may ---------------------------------------------------------------------------


def test_a_denied_caller_is_not_told_what_exists(beta: httpx.Client) -> None:
    assert refusal(beta.get(PATH)) == (403, "permission_denied")
    for suffix in ("", "/sigstore"):
        existing, missing = (beta.get(f"{PATH}/{version}{suffix}") for version in ("0.1.0", "7.7.7"))
        assert refusal(existing) == refusal(missing) == NOT_FOUND
        assert existing.json()["detail"] == missing.json()["detail"]


def test_a_denial_looks_like_a_release_that_is_none(acme: httpx.Client, beta: httpx.Client) -> None:
    denied, missing = (client.get(f"{PATH}/7.7.7").json() for client in (beta, acme))
    del denied["correlation_id"], missing["correlation_id"]

    assert denied == missing


def test_an_auditor_of_the_platform_reads(plane: Plane) -> None:
    user = new_user(plane, DOMAINS["beta-llc"], ("auditor", "platform:plexsphere"))
    with client_of(plane, user) as client:
        assert client.get(PATH).status_code == 200
        assert client.get(f"{PATH}/0.1.0/sigstore").status_code == 200


def test_a_node_reads_without_a_relation(site: Site) -> None:
    node = site.node()
    answers = [site.nobody.get(f"{PATH}{rest}", headers=node.headers) for rest in ("", "/0.1.0", "/0.1.0/sigstore")]

    assert [each.status_code for each in answers] == [200, 200, 200]


def test_a_cursor_is_its_callers_own(plane: Plane, acme: httpx.Client) -> None:
    cursor = acme.get(PATH, params={"limit": 1}).json()["next_cursor"]
    user = new_user(plane, DOMAINS["beta-llc"], ("auditor", "platform:plexsphere"))

    with client_of(plane, user) as other:
        assert refusal(other.get(PATH, params={"cursor": cursor})) == (403, "cursor_binding_mismatch")
    assert refusal(acme.get(PATH, params={"cursor": cursor[:-2]})) == (400, "invalid_cursor")


# ---- what is in the bucket is untrusted ------------------------------------------------

BUILD: Final = {"architecture": "amd64", "checksum": CHECKSUM}
WRONG_MEMBERS: Final[dict[str, dict[str, Any]]] = {
    "another version": {"version": "0.1.0"},
    "no version": {"version": ...},
    "version no text": {"version": 1},
    "unknown status": {"support_status": "eol"},
    "no verdict": {"verdict": None},
    "no builds": {"architectures": []},
    "builds no list": {"architectures": BUILD},
    "checksum upper case": {"architectures": [{**BUILD, "checksum": CHECKSUM.upper()}]},
    "checksum and a line end": {"architectures": [{**BUILD, "checksum": CHECKSUM + "\n"}]},
    "architecture empty": {"architectures": [{**BUILD, "architecture": ""}]},
    "one architecture twice": {"architectures": [BUILD, BUILD]},
    "time without zone": {"created_at": "2026-07-01T12:00:00"},
    "time before the calendar": {"updated_at": "0001-01-01T00:00:00+12:00"},
    "too many builds": {"architectures": [{**BUILD, "architecture": f"a{number}"} for number in range(65)]},
}
WRONG_CONTENT: Final[dict[str, bytes]] = {
    "empty": b"",
    "no JSON": b"<html>",
    "no UTF-8": b'{"version": "\xff"}',
    "a lone surrogate": b'{"version": "\\ud800"}',
    "a list": b"[]",
    "deeply nested": b'{"more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "huge": json.dumps(record("x", more="x" * 300_000)).encode(),
    "an endless number": b'{"version": 1e999999, "support_status": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("members", WRONG_MEMBERS.values(), ids=WRONG_MEMBERS)
def test_a_wrong_record_is_not_indexed(acme: httpx.Client, releases: Releases, members: dict[str, Any]) -> None:
    version = releases.add(**members)

    assert refusal(acme.get(f"{PATH}/{version}")) == NOT_FOUND
    assert version not in versions(acme)


@pytest.mark.parametrize("content", WRONG_CONTENT.values(), ids=WRONG_CONTENT)
def test_an_unreadable_record_is_not_indexed(
    plane: Plane, acme: httpx.Client, releases: Releases, content: bytes
) -> None:
    version = releases.add(content)
    releases.put(f"plexd/{version}/bundle.sigstore.json", b"{}")

    assert refusal(acme.get(f"{PATH}/{version}")) == refusal(acme.get(f"{PATH}/{version}/sigstore")) == NOT_FOUND
    assert version not in versions(acme)
    warnings = [line for line in plane.log.read_text().splitlines() if version in line]
    assert len(warnings) == 3
    assert all(line.startswith("level=WARN ") for line in warnings)


def test_a_bundle_larger_than_any_is_not_served(acme: httpx.Client, releases: Releases) -> None:
    version = releases.add()
    releases.put(f"plexd/{version}/bundle.sigstore.json", b"x" * (4 * 1024 * 1024))
    assert len(acme.get(f"{PATH}/{version}/sigstore").content) == 4 * 1024 * 1024
    releases.put(f"plexd/{version}/bundle.sigstore.json", b"x" * (4 * 1024 * 1024 + 1))

    assert refusal(acme.get(f"{PATH}/{version}/sigstore")) == NOT_FOUND


@pytest.mark.parametrize(
    "key", ["plexd/file", "plexd/ä/release.json", "plexd/-x/release.json", "plexd/a b/release.json"]
)
def test_keys_that_are_no_release_are_left_out(acme: httpx.Client, releases: Releases, key: str) -> None:
    releases.put(key, json.dumps(record(key.split("/")[1])).encode())

    assert key.split("/")[1] not in versions(acme)
    assert refusal(acme.get(f"{PATH}/{key.split('/')[1]}")) == NOT_FOUND
