"""The CustomResourceDefinitions of other projects: fetched, verified against ``vendor.toml``, kept as JSON.

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
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from pytest_plexdev.command import run
from pytest_plexdev.deployment import deploy_directory
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import VENDOR_MISMATCH, VENDOR_MISSING
from pytest_plexdev.kube.client import Object
from pytest_plexdev.stack.directories import cache_directory
from pytest_plexdev.stack.files import write_whole

_FORM: Final = "1"
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
    """

    name: str
    module: str
    version: str
    url: str
    files: Mapping[str, str]


def vendor_file() -> Path:
    """Where the sources are named."""
    return deploy_directory() / "vendor" / "vendor.toml"


def read_sources(path: Path | None = None) -> tuple[Source, ...]:
    """The sources that are named."""
    entries = tomllib.loads((path or vendor_file()).read_text(encoding="utf-8"))["sources"]
    return tuple(
        Source(name, entry["module"], entry["version"], entry.get("url", ""), entry["files"])
        for name, entry in entries.items()
    )


def custom_resource_definitions(sources: Iterable[Source] | None = None, cache: Path | None = None) -> list[Object]:
    """The definitions, as they are applied; from the second time on a file is read and nothing else.

    Args:
        sources: In place of those of ``vendor.toml``.
        cache: Directory, in place of ``vendor`` in the user's cache.

    Raises:
        PlexdevError: ``vendor-missing``, ``vendor-mismatch``.
    """
    wanted = tuple(read_sources() if sources is None else sources)
    kept = (cache or cache_directory() / "vendor") / _key(wanted) / "definitions.json"
    found = _read(kept)
    if found is None:
        found = [each for source in wanted for text in _files(source, kept) for each in _definitions(text)]
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, json.dumps(found, separators=(",", ":")).encode())
    return found


def lock(path: Path | None = None) -> None:
    """Download every source and write the SHA-256 of its files into ``vendor.toml``.

    Raises:
        PlexdevError: ``tool-missing`` where there is no Go; ``command-failed``.
    """
    file = path or vendor_file()
    text = file.read_text(encoding="utf-8")
    for source in read_sources(file):
        directory = _module(source)
        for name in source.files:
            digest = _sha256((directory / name).read_bytes())
            text = re.sub(rf'^("{re.escape(name)}" = )"[^"]*"$', rf'\g<1>"{digest}"', text, flags=re.MULTILINE)
    write_whole(file, text.encode())


def _key(sources: Iterable[Source]) -> str:
    # The files' content alone: the same ones from elsewhere are the same.
    listing = sorted((name, digest) for source in sources for name, digest in source.files.items())
    return _sha256(json.dumps([_FORM, listing]).encode())[:16]


def _read(kept: Path) -> list[Object] | None:
    try:
        found: list[Object] = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        # Not there, or damaged: made anew.
        return None
    return found


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
    # From a directory that is no module: else Go would take the requirements of whatever project the user is in.
    argv = ["go", "-C", tempfile.gettempdir(), "mod", "download", "-json", f"{source.module}@{source.version}"]
    said = run(argv, timeout=_DOWNLOAD, purpose="the definitions of the gateway's kinds are files of that module")
    return Path(json.loads(said.stdout)["Dir"])


def _fetch(source: Source) -> Mapping[str, bytes]:
    with httpx.Client(timeout=_FETCH, follow_redirects=True) as client:
        return {name: client.get(f"{source.url}/{name}").raise_for_status().content for name in source.files}


def _definitions(text: bytes) -> Iterable[Object]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for each in yaml.load_all(text, Loader=loader):
        if each:
            # The API server's own; generated files carry an empty one.
            yield {part: value for part, value in each.items() if part != "status"}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit("usage: python -m pytest_plexdev.stack.kind.manifests.vendor lock")
    lock()
