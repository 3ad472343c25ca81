"""The CustomResourceDefinitions of other projects: fetched, verified against ``vendor.toml``, kept as JSON.

What is kept is verified as well: ``vendor.toml`` has the hash of the JSON that the files become.

The order in which the gateway comes up soonest, everything by server-side apply (a client-side one would put a
definition of a megabyte into an annotation, which ends at 256 KiB):

1. ``envoy-gateway/`` without its Deployment: the Job ``envoy-gateway-certgen`` makes the Secrets that the Deployment
   mounts while the API server is busy with the next step. Nothing else of the stack has to wait for that step either.
2. These definitions, two at a time; wait until each is ``Established``. Its ``status.conditions`` is ``null`` at first.
3. The Deployment ``envoy-gateway``, and not before: it looks once, when it starts, which kinds there are. Then
   ``envoy-proxy/`` and the overlay's GatewayClass, Gateway and HTTPRoute, in any order.
4. Wait for the Gateway to be ``Programmed`` and the HTTPRoute to be ``Accepted`` with ``ResolvedRefs``. Envoy's own
   Deployment and Service are the controller's to make: ``envoy-plexsphere`` in ``envoy-gateway-system``.
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

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.files import write_atomic
from pytest_plexdev.core.paths import cache_room
from pytest_plexdev.core.private_files import check_private, make_private_directory, read_private, write_private
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.core.tool_output import json_of
from pytest_plexdev.core.yaml_text import load_yaml_documents
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import VENDOR_MISMATCH, VENDOR_MISSING
from pytest_plexdev.kube.resources import KubeObject

_FORM: Final = "2"
"""Of what is kept; another one is another key."""
_DOWNLOAD: Final = 240.0
"""Seconds for a module of a few megabytes on a slow line."""
_FETCH: Final = httpx.Timeout(30.0, connect=5.0)


@dataclass(frozen=True)
class Source:
    """Files of one project at one version.

    Attributes:
        module: Go module.
        url: Where the same files are without Go; empty: nowhere.
        files: SHA-256 by path.
        definitions: SHA-256 of what is kept of them; empty: what is kept is not believed.
    """

    name: str
    module: str
    version: str
    url: str
    files: Mapping[str, str]
    definitions: str = ""


def vendor_file() -> Path:
    """Where the sources are named."""
    return deploy_directory() / "vendor" / "vendor.toml"


def read_sources(path: Path | None = None) -> tuple[Source, ...]:
    """The sources that are named."""
    entries = tomllib.loads((path or vendor_file()).read_text(encoding="utf-8"))["sources"]
    return tuple(
        Source(
            name, entry["module"], entry["version"], entry.get("url", ""), entry["files"], entry.get("definitions", "")
        )
        for name, entry in entries.items()
    )


def custom_resource_definitions(sources: Iterable[Source] | None = None, cache: Path | None = None) -> list[KubeObject]:
    """The definitions, as they are applied; from the second time on a file is read and nothing else.

    Args:
        sources: In place of those of ``vendor.toml``.
        cache: Directory, in place of ``vendor`` in the user's cache.

    Raises:
        PlexdevError: ``vendor-missing``, ``vendor-mismatch``, ``untrusted-path``.
    """
    room = cache_room("vendor") if cache is None else cache
    make_private_directory(room)
    wanted = read_sources() if sources is None else sources
    return [each for source in wanted for each in _definitions_of(source, room)]


def _definitions_of(source: Source, room: Path) -> list[KubeObject]:
    kept = room / _key(source) / "definitions.json"
    found = _read(kept, source)
    if found is None:
        found = [each for text in _files(source, kept) for each in _definitions(text)]
        make_private_directory(kept.parent)
        write_private(kept, _encode(found))
    return found


def lock(path: Path | None = None) -> None:
    """Download every source and write the SHA-256 of its files, and of what is kept of them, into ``vendor.toml``.

    Raises:
        PlexdevError: ``tool-missing`` where there is no Go; ``command-failed``.
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
    # The files' content alone: the same ones from elsewhere are the same.
    return _sha256(json.dumps([_FORM, sorted(source.files.items())]).encode())[:16]


def _read(kept: Path, source: Source) -> list[KubeObject] | None:
    try:
        check_private(kept.parent)
        content = read_private(kept)
    except OSError:
        return None
    if _sha256(content) != source.definitions:
        # Damaged, or another's work: made anew.
        return None
    found: list[KubeObject] = json.loads(content)
    return found


def _encode(definitions: Iterable[KubeObject]) -> bytes:
    return json.dumps(list(definitions), separators=(",", ":")).encode()


def _files(source: Source, kept: Path) -> list[bytes]:
    contents = _download(source, kept)
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


def _download(source: Source, kept: Path) -> Mapping[str, bytes]:
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
        cache=kept.parent.parent,
        command=f"go mod download {source.module}@{source.version}",
    )


def _module(source: Source) -> Path:
    """The directory of a source's Go module, which Go has verified by its own sums."""
    # A directory of its own, and a module: Go takes settings and requirements from the nearest go.mod and go.work above
    # where it runs, and anybody may put those into /tmp.
    with tempfile.TemporaryDirectory(prefix="plexdev-go-") as directory:
        Path(directory, "go.mod").write_text("module plexdev\n", encoding="utf-8")
        said = run(
            ["go", "-C", directory, "mod", "download", "-json", f"{source.module}@{source.version}"],
            timeout=_DOWNLOAD,
            purpose="the definitions of the gateway's kinds are files of that module",
            environment={**os.environ, "GOWORK": "off"},
        )
    return Path(json_of(said.stdout)["Dir"])


def _fetch(source: Source) -> Mapping[str, bytes]:
    with httpx.Client(timeout=_FETCH, follow_redirects=True) as client:
        return {name: client.get(f"{source.url}/{name}").raise_for_status().content for name in source.files}


def _definitions(text: bytes) -> Iterable[KubeObject]:
    for each in load_yaml_documents(text):
        # The API server's own; generated files carry an empty one.
        yield {part: value for part, value in each.items() if part != "status"}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit("usage: python -m pytest_plexdev.stack.kind.manifests.crds lock")
    lock()
