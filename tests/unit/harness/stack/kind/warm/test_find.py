"""Discovery of a warm cluster, from files and sockets alone, if none is usable."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from pytest_plexdev.core.progress import ProgressEvent, VerdictChanged
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.lock import exclusive
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.warm import attach
from pytest_plexdev.stack.kind.warm.kubeconfigs import candidates

FIND = """
import json, sys
from pathlib import Path
from pytest_plexdev.stack.kind.warm import attach as warm
found = warm.find(Path(sys.argv[1]))
heavy = {"httpx", "yaml", "kubernetes", "ssl", "docker"}
print(json.dumps([found is None, sorted(heavy & set(sys.modules))]))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


def kubeconfig(path: Path, server: str, context: str = "kind-plexsphere") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_nothing_is_imported_where_there_is_nothing(home: Path) -> None:
    environment = {**os.environ, "HOME": str(home)}
    completed = subprocess.run(
        [sys.executable, "-c", FIND, str(home / "state")], env=environment, capture_output=True, text=True, check=True
    )

    assert json.loads(completed.stdout) == [True, []]
    assert not (home / "state").exists()


def test_a_users_file_with_other_clusters_is_nothing(home: Path) -> None:
    kubeconfig(home / ".kube" / "config", "https://10.1.2.3:6443", context="production")

    assert attach.find(home / "state") is None


def test_a_cluster_whose_api_server_is_gone_is_nothing(home: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    kubeconfig(home / ".kube" / "config", f"https://127.0.0.1:{port}")

    assert attach.find(home / "state") is None


def test_another_machines_server_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kubeconfig(home / "elsewhere", "https://10.1.2.3:6443")
    monkeypatch.setenv("KUBECONFIG", f"{home / 'missing'}{os.pathsep}{path}")

    with pytest.raises(PlexdevError) as refusal:
        attach.find(home / "state")

    assert refusal.value.tag == "not-loopback"
    assert "https://10.1.2.3:6443" in str(refusal.value)
    assert "attached" not in str(refusal.value), "that provider is not in this version"


def test_the_users_file_is_read_and_never_written(home: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        path = kubeconfig(home / ".kube" / "config", f"https://127.0.0.1:{server.getsockname()[1]}")
        path.chmod(0o400)
        before = path.read_bytes()

        list(candidates(home / "state", "plexsphere"))

    assert path.read_bytes() == before
    copies = [each for each in (home / "state").rglob("*") if each.is_file()]
    assert [each.stat().st_mode & 0o077 for each in copies] == [0]


def test_a_state_directory_that_cannot_be_written_is_told(home: Path) -> None:
    (home / "state").touch()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        kubeconfig(home / ".kube" / "config", f"https://127.0.0.1:{server.getsockname()[1]}")

        with pytest.raises(PlexdevError) as refusal:
            attach.find(home / "state")

    assert refusal.value.tag == "state-unwritable"


def test_who_attaches_waits_for_a_bring_up_that_is_under_way(home: Path) -> None:
    state, events = home / "state", list[ProgressEvent]()
    holding = threading.Event()

    def bring_up() -> None:
        with exclusive(state, timeout=1, progress=events.append):
            holding.set()
            time.sleep(0.5)
            kubeconfig(home / ".kube" / "config", "https://10.1.2.3:6443")

    with ThreadPoolExecutor() as threads:
        other = threads.submit(bring_up)
        assert holding.wait(10)
        # It sees what the other process created meanwhile: a cluster that is refused.
        with pytest.raises(PlexdevError) as refusal:
            attach.attach(KindSettings(state=state), events.append)
        other.result()

    assert refusal.value.tag == "not-loopback"
    assert any(isinstance(event, VerdictChanged) and "waiting for `" in event.verdict.reason for event in events)


def test_who_attaches_waits_no_longer_than_it_may(home: Path) -> None:
    with exclusive(home / "state", timeout=1, progress=lambda _: None), pytest.raises(PlexdevError) as refusal:
        attach.attach(KindSettings(state=home / "state", timeout=0.3), lambda _: None)

    assert refusal.value.tag == "cluster-busy"


def test_our_own_file_goes_before_the_users(home: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"https://127.0.0.1:{server.getsockname()[1]}"
        own = kubeconfig(home / "state" / "kubeconfig", address)
        kubeconfig(home / ".kube" / "config", address)

        first = next(candidates(home / "state", "plexsphere"))

    assert first.kubeconfig == own


def test_a_file_that_cannot_be_used_does_not_hide_the_next_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        broken = kubeconfig(home / "broken", "https://[::1")
        far = kubeconfig(home / "far", "https://10.1.2.3:6443")
        good = kubeconfig(home / "good", f"https://127.0.0.1:{server.getsockname()[1]}")
        os.mkfifo(home / "pipe")
        paths = (home / "pipe", home, broken, far, good)
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths)))

        assert next(candidates(home / "state", "plexsphere")).server == f"https://127.0.0.1:{server.getsockname()[1]}"

    with pytest.raises(PlexdevError, match="its server is 'https://\\[::1'"):
        next(candidates(home / "state", "plexsphere"), None)


def test_our_own_file_that_was_damaged_is_written_anew(home: Path) -> None:
    place = ClusterFiles("plexsphere", home / "state")
    place.directory.mkdir()
    place.kubeconfig.write_text("kind-plexsphere: [")

    assert place.usable_access() is None
