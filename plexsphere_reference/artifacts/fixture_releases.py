"""The seeded plexd releases: fixtures, not the product's. Their checksums are real, of binaries that only say so.

Their bundles have the shape of Sigstore's (bundle v0.3 with an in-toto statement), and sign nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from plexsphere_reference.artifacts.layout import Build, Release, binary_key, bundle_key, record_key

NOTICE: Final = "a fixture of pytest-plexdev, neither built nor signed by the plexsphere project"
_ARCHITECTURES: Final = ("amd64", "arm64")


@dataclass(frozen=True)
class Seeded:
    """One seeded release; one without a bundle shows the 404 that the contract has for it."""

    version: str
    support_status: Literal["supported", "deprecated", "withdrawn"]
    verdict: Literal["verified", "unverified"]
    has_bundle: bool = True


SEEDED: Final = (
    Seeded("0.0.8", "withdrawn", "unverified", has_bundle=False),
    Seeded("0.0.9", "deprecated", "verified"),
    Seeded("0.1.0", "supported", "verified"),
)
"""The last is the version in PLEXD_VERSION."""


def objects() -> Sequence[tuple[str, bytes]]:
    """Return key and content of every object, each release's record behind what the record describes."""
    return [item for release in SEEDED for item in _objects_of(release)]


def _objects_of(release: Seeded) -> Sequence[tuple[str, bytes]]:
    binaries = {each: _binary(release.version, each) for each in _ARCHITECTURES}
    builds = [Build(each, hashlib.sha256(content).hexdigest()) for each, content in binaries.items()]
    record = Release(release.version, release.support_status, release.verdict, builds)
    bundle = [(bundle_key(release.version), _bundle(builds))] if release.has_bundle else []
    return [
        *((binary_key(release.version, each), content) for each, content in binaries.items()),
        *bundle,
        (record_key(release.version), _pretty(record)),
    ]


def _binary(version: str, architecture: str) -> bytes:
    return f"#!/bin/sh\necho 'plexd {version} for {architecture}: {NOTICE}'\n".encode()


def _bundle(builds: Sequence[Build]) -> bytes:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": f"plexd-linux-{each.architecture}", "digest": {"sha256": each.checksum}} for each in builds
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"notice": NOTICE},
    }
    return _pretty(
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"certificate": {"rawBytes": _base64(NOTICE.encode())}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": _base64(msgspec.json.encode(statement)),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": _base64(NOTICE.encode())}],
            },
        }
    )


def _pretty(content: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
