"""Download the CustomResourceDefinitions of other projects, verify them against ``vendor.toml`` and cache them as JSON.

The cache is verified too: ``vendor.toml`` has the hash of the JSON.

The gateway is ready soonest in this order. Everything is applied server-side, because a client-side apply would put a
definition of 1 MB into an annotation, whose limit is 256 KiB.

1. ``envoy-gateway/`` without its Deployment. The Job ``envoy-gateway-certgen`` creates the Secrets that the Deployment
   mounts while the API server is busy with step 2. The rest of the stack does not wait for step 2 either.
2. These definitions, two at a time. Wait until each is ``Established``; its ``status.conditions`` is ``null`` at first.
3. The Deployment ``envoy-gateway``, and not earlier: it discovers the kinds only once, when it starts. Then
   ``envoy-proxy/`` and the overlay's GatewayClass, Gateway and HTTPRoute, in any order.
4. Wait until the Gateway is ``Programmed`` and the HTTPRoute is ``Accepted`` with ``ResolvedRefs``. The controller
   creates Envoy's own Deployment and Service: ``envoy-plexsphere`` in ``envoy-gateway-system``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from pytest_plexdev.core.atomic_write import write_atomic
from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.model import Profile
from pytest_plexdev.core.paths import cache_room
from pytest_plexdev.core.private_files import check_private, make_private_directory, read_private, write_private
from pytest_plexdev.core.profiles import profile_named
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.core.tool_output import json_of
from pytest_plexdev.core.yaml_text import load_yaml_documents
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import VENDOR_MISMATCH, VENDOR_MISSING
from pytest_plexdev.kube.resources import KubeObject

_CACHE_FORMAT: Final = "2"
"""The format of the cached file; part of its key."""
_DOWNLOAD_TIMEOUT_S: Final = 240.0
"""Time limit for a module of a few megabytes on a slow line."""
_HTTP_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True)
class Source:
    """The files of one project at one version.

    Attributes:
        module: The Go module.
        url: A base URL of the same files, for machines without Go; may be empty.
        files: SHA-256 by path.
        definitions: SHA-256 of the cached JSON; empty if the cache cannot be verified and is not used.
        profile: The smallest profile that needs them.
    """

    name: str
    module: str
    version: str
    url: str
    files: Mapping[str, str]
    definitions: str = ""
    profile: Profile = "lean"


def vendor_file() -> Path:
    """The path of ``vendor.toml``."""
    return deploy_directory() / "vendor" / "vendor.toml"


def read_sources(path: Path | None = None) -> tuple[Source, ...]:
    """Read the sources from ``vendor.toml``."""
    entries = tomllib.loads((path or vendor_file()).read_text(encoding="utf-8"))["sources"]
    return tuple(
        Source(
            name,
            module=entry["module"],
            version=entry["version"],
            url=entry.get("url", ""),
            files=entry["files"],
            definitions=entry.get("definitions", ""),
            profile=profile_named(entry.get("profile", "lean")),
        )
        for name, entry in entries.items()
    )


def sources_of(profile: Profile) -> tuple[Source, ...]:
    """The sources of ``vendor.toml`` that a profile needs."""
    return tuple(each for each in read_sources() if each.profile in {profile, "lean"})


def custom_resource_definitions(sources: Iterable[Source], cache: Path | None = None) -> list[KubeObject]:
    """Return the definitions to apply: from the cache, or else downloaded.

    Args:
        sources: Those of a profile: :func:`sources_of`.
        cache: Replaces the directory ``vendor`` in the user's cache.

    Raises:
        PlexdevError: ``vendor-missing``, ``vendor-mismatch``, ``untrusted-path``.
    """
    directory = cache_room("vendor") if cache is None else cache
    make_private_directory(directory)
    return [each for source in sources for each in _definitions_of(source, directory)]


def _definitions_of(source: Source, directory: Path) -> list[KubeObject]:
    cached = directory / _key(source) / "definitions.json"
    found = _read(cached, source)
    if found is None:
        found = [each for text in _files(source, cached) for each in _definitions(text)]
        make_private_directory(cached.parent)
        write_private(cached, _encode(found))
    return found


def lock(path: Path | None = None) -> None:
    """Download every source and write the SHA-256 of its files and of the cached JSON into ``vendor.toml``.

    Raises:
        PlexdevError: ``tool-missing`` without Go; ``command-failed``.
    """
    file = path or vendor_file()
    text = file.read_text(encoding="utf-8")
    for source in read_sources(file):
        directory = _module(source)
        contents = {name: (directory / name).read_bytes() for name in source.files}
        for name, content in contents.items():
            text = re.sub(
                rf'^("{re.escape(name)}" = )"[^"]*"$', rf'\g<1>"{_sha256(content)}"', text, flags=re.MULTILINE
            )
        found = _sha256(_encode([each for content in contents.values() for each in _definitions(content)]))
        entry = rf'^(\[sources\.{re.escape(source.name)}\]\n(?:(?!\[).*\n)*?definitions = )"[^"]*"$'
        text = re.sub(entry, rf'\g<1>"{found}"', text, flags=re.MULTILINE)
    write_atomic(file, text.encode())


def _key(source: Source) -> str:
    # Only the content of the files counts, not where they come from.
    return _sha256(json.dumps([_CACHE_FORMAT, sorted(source.files.items())]).encode())[:16]


def _read(cached: Path, source: Source) -> list[KubeObject] | None:
    try:
        check_private(cached.parent)
        content = read_private(cached)
    except OSError:
        return None
    if _sha256(content) != source.definitions:
        # Damaged, or written by someone else: download again.
        return None
    found: list[KubeObject] = json.loads(content)
    return found


def _encode(definitions: Iterable[KubeObject]) -> bytes:
    return json.dumps(list(definitions), separators=(",", ":")).encode()


def _files(source: Source, cached: Path) -> list[bytes]:
    contents = _download(source, cached)
    for name, content in contents.items():
        if _sha256(content) != source.files[name]:
            raise PlexdevError(
                VENDOR_MISMATCH,
                file=name,
                source=f"{source.module}@{source.version}",
                wanted=source.files[name] or "none",
                found=_sha256(content),
            )
    return list(contents.values())


def _download(source: Source, cached: Path) -> Mapping[str, bytes]:
    reasons = []
    if shutil.which("go") is None:
        reasons.append("Go is not on PATH")
    else:
        try:
            directory = _module(source)
            return {name: (directory / name).read_bytes() for name in source.files}
        except (PlexdevError, OSError) as error:
            reasons.append(f"go mod download: {(isinstance(error, PlexdevError) and error.detail) or error}")
    if source.url:
        try:
            return _fetch(source)
        except httpx.HTTPError as error:
            reasons.append(f"{source.url}: {error or type(error).__name__}")
    raise PlexdevError(
        VENDOR_MISSING,
        detail="\n".join(reasons),
        source=f"{source.module}@{source.version}",
        cache=cached.parent.parent,
        command=f"go mod download {source.module}@{source.version}",
    )


def _module(source: Source) -> Path:
    """The directory of a source's Go module, verified by Go against the checksum database."""
    # Run in a new module directory: Go reads the nearest go.mod and go.work above its working directory, and every user
    # can create those in /tmp.
    with tempfile.TemporaryDirectory(prefix="plexdev-go-") as directory:
        Path(directory, "go.mod").write_text("module plexdev\n", encoding="utf-8")
        result = run(
            ["go", "-C", directory, "mod", "download", "-json", f"{source.module}@{source.version}"],
            timeout=_DOWNLOAD_TIMEOUT_S,
            purpose="the definitions of custom kinds are files of that module",
            environment={**os.environ, "GOWORK": "off"},
        )
    return Path(json_of(result.stdout)["Dir"])


def _fetch(source: Source) -> Mapping[str, bytes]:
    with httpx.Client(timeout=_HTTP_TIMEOUT, follow_redirects=True) as client:
        return {name: client.get(f"{source.url}/{name}").raise_for_status().content for name in source.files}


def _definitions(text: bytes) -> Iterable[KubeObject]:
    for each in load_yaml_documents(text):
        # The API server sets the status; generated files have an empty one.
        yield {part: value for part, value in each.items() if part != "status"}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit("usage: python -m pytest_plexdev.stack.kind.manifests.crds lock")
    lock()
