"""The definitions of other projects are downloaded once, cached, and verified every time."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.manifests.crds import Source, custom_resource_definitions, lock, read_sources

MODULE = "example.test/gateway"
VERSION = "v1.2.3"
FILE = "crd/all.yaml"
TEXT = """\
# Two in one file.
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.test}
status: {conditions: null, storedVersions: null}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: others.example.test}
---
"""
DEFINITION = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Site:
    """A file server that records its requests."""

    directory: Path
    url: str
    requests: list[str] = field(default_factory=list)

    def put(self, text: str) -> None:
        (self.directory / FILE).parent.mkdir(exist_ok=True)
        (self.directory / FILE).write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    directory = tmp_path / "site"
    directory.mkdir()
    found = Site(directory, "")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            found.requests.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(directory)))
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def go_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go module proxy on this machine with the module, for ``go mod download``."""
    if shutil.which("go") is None:
        pytest.skip("go is not on PATH")
    versions = tmp_path / "proxy" / MODULE / "@v"
    versions.mkdir(parents=True)
    (versions / f"{VERSION}.mod").write_text(f"module {MODULE}\n")
    (versions / f"{VERSION}.info").write_text(json.dumps({"Version": VERSION}))
    with zipfile.ZipFile(versions / f"{VERSION}.zip", "w") as archive:
        archive.writestr(f"{MODULE}@{VERSION}/go.mod", f"module {MODULE}\n")
        archive.writestr(f"{MODULE}@{VERSION}/{FILE}", TEXT)
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path}/proxy")
    monkeypatch.setenv("GOSUMDB", "off")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOFLAGS", "-modcacherw")


def source(url: str = "", text: str = TEXT) -> Source:
    kept = [{**DEFINITION, "metadata": {"name": name}} for name in re.findall(r"name: (\S+)}", text)]
    return Source(
        "gateway", MODULE, VERSION, url, {FILE: sha256(text)}, sha256(json.dumps(kept, separators=(",", ":")))
    )


def names(cache: Path, wanted: Source) -> list[str]:
    return [each["metadata"]["name"] for each in custom_resource_definitions([wanted], cache)]


def test_go_brings_the_files(go_module: None, tmp_path: Path) -> None:
    assert names(tmp_path / "cache", source()) == ["things.example.test", "others.example.test"]


def test_without_go_the_files_come_from_the_url(no_go: None, site: Site, tmp_path: Path) -> None:
    site.put(TEXT)

    assert names(tmp_path / "cache", source(site.url)) == ["things.example.test", "others.example.test"]
    assert site.requests == [f"/{FILE}"]


def test_where_go_fails_the_url_is_asked(
    go_module: None, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "off")
    site.put(TEXT)

    assert names(tmp_path / "cache", source(site.url)) == ["things.example.test", "others.example.test"]


def test_the_api_server_s_part_is_left_out(no_go: None, site: Site, tmp_path: Path) -> None:
    site.put(TEXT)

    assert all("status" not in each for each in custom_resource_definitions([source(site.url)], tmp_path / "cache"))


def test_the_second_time_nobody_is_asked(no_go: None, site: Site, tmp_path: Path) -> None:
    site.put(TEXT)
    first = custom_resource_definitions([source(site.url)], tmp_path / "cache")
    site.requests.clear()

    assert custom_resource_definitions([source()], tmp_path / "cache") == first
    assert site.requests == []


def test_a_damaged_copy_is_made_anew(no_go: None, site: Site, tmp_path: Path) -> None:
    site.put(TEXT)
    names(tmp_path / "cache", source(site.url))
    (kept,) = (tmp_path / "cache").glob("*/*.json")
    kept.write_bytes(kept.read_bytes()[:40])

    assert names(tmp_path / "cache", source(site.url)) == ["things.example.test", "others.example.test"]


def test_a_copy_that_says_something_else_is_made_anew(no_go: None, site: Site, tmp_path: Path) -> None:
    site.put(TEXT)
    names(tmp_path / "cache", source(site.url))
    (kept,) = (tmp_path / "cache").glob("*/*.json")
    kept.write_text(kept.read_text().replace("things", "thinks"))
    site.requests.clear()

    assert names(tmp_path / "cache", source(site.url)) == ["things.example.test", "others.example.test"]
    assert site.requests == [f"/{FILE}"]


@pytest.mark.parametrize("what", ["", "*", "*/*.json"])
def test_a_cache_that_others_may_write_to_is_refused(no_go: None, site: Site, tmp_path: Path, what: str) -> None:
    site.put(TEXT)
    names(tmp_path / "cache", source(site.url))
    (opened,) = (tmp_path / "cache").glob(what) if what else [tmp_path / "cache"]
    opened.chmod(0o777)

    with pytest.raises(
        PlexdevError, match=f"{re.escape(str(opened))} is not trusted: others may write to it"
    ) as caught:
        names(tmp_path / "cache", source(site.url))
    assert caught.value.tag == "untrusted-path"


def test_what_is_kept_is_for_this_user_alone(no_go: None, site: Site, tmp_path: Path) -> None:
    site.put(TEXT)
    before = os.umask(0)
    try:
        names(tmp_path / "cache", source(site.url))
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "cache").rglob("*")}
    assert sorted(modes.values()) == [0o600, 0o700]
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_go_heeds_no_file_of_the_temporary_directory(
    go_module: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    for file in ("go.mod", "go.work"):
        (shared / file).write_text("this is not for Go to read\n")
    monkeypatch.setattr(tempfile, "tempdir", str(shared))

    assert names(tmp_path / "cache", source()) == ["things.example.test", "others.example.test"]
    assert sorted(path.name for path in shared.iterdir()) == ["go.mod", "go.work"]


def test_go_ignores_the_files_of_the_working_directory(
    go_module: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for file in ("go.mod", "go.work"):
        (project / file).write_text("this is not for Go to read\n")
    monkeypatch.chdir(project)

    assert names(tmp_path / "cache", source()) == ["things.example.test", "others.example.test"]


def test_another_hash_is_another_copy(no_go: None, site: Site, tmp_path: Path) -> None:
    site.put(TEXT)
    names(tmp_path / "cache", source(site.url))
    newer = TEXT.replace("things", "matters")
    site.put(newer)

    assert names(tmp_path / "cache", source(site.url, newer)) == ["matters.example.test", "others.example.test"]


def test_a_file_of_another_content_is_refused_and_not_kept(no_go: None, site: Site, tmp_path: Path) -> None:
    changed = TEXT.replace("things", "thinks")
    site.put(changed)

    with pytest.raises(PlexdevError, match=f"{sha256(changed)}.*pins {sha256(TEXT)}") as caught:
        names(tmp_path / "cache", source(site.url))

    assert caught.value.tag == "vendor-mismatch"
    assert not list((tmp_path / "cache").rglob("*.json"))


def test_a_source_that_was_never_locked_is_refused(no_go: None, site: Site, tmp_path: Path) -> None:
    site.put(TEXT)

    with pytest.raises(PlexdevError, match="pins none"):
        names(tmp_path / "cache", replace(source(site.url), files={FILE: ""}))


def test_the_error_of_a_failed_fetch_says_what_to_install(no_go: None, site: Site, tmp_path: Path) -> None:
    with pytest.raises(PlexdevError) as caught:
        names(tmp_path / "cache", source(site.url))

    message = str(caught.value)
    assert caught.value.tag == "vendor-missing"
    assert "Go is not on PATH" in message
    assert "404" in message
    assert f"install Go, then run go mod download {MODULE}@{VERSION}" in message


def test_lock_writes_what_was_really_downloaded(go_module: None, tmp_path: Path) -> None:
    file = tmp_path / "vendor.toml"
    entry = f'[sources.gateway]\nmodule = "{MODULE}"\nversion = "{VERSION}"\n'
    text = f'# Why.\n{entry}definitions = ""\n\n[sources.gateway.files]\n"{FILE}" = ""\n'
    file.write_text(text)

    lock(file)

    written = text.replace(f'"{FILE}" = ""', f'"{FILE}" = "{sha256(TEXT)}"')
    assert file.read_text() == written.replace('""', f'"{source().definitions}"')
    assert read_sources(file) == (source(),)
