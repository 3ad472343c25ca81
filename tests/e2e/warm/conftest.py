"""The whole life of a warm cluster with another name and other ports, in the order of the modules.

It begins with a bring-up that is killed while its cluster is being created, and ends with the deletion.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.warm import attach, down, up
from tests.support.clusters import NODE_IMAGE
from tests.support.kind_stacks import ProgressRecorder, clusters
from tests.support.waiting import until
from tests.support.warm_cluster import access_of, another_up


@pytest.fixture(scope="session")
def settings(cluster_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KindSettings]:
    name = f"plexdev-warm-{secrets.token_hex(2)}"
    wanted = KindSettings(
        name=name,
        state=tmp_path_factory.mktemp("state"),
        kind_image=NODE_IMAGE,
        api_port=0,
        idp_port=0,
        on_drift="apply",
        timeout=400.0,
    )
    yield wanted
    down.take_down(wanted, force=True, progress=lambda _: None)


@pytest.fixture(scope="session")
def made(settings: KindSettings) -> list[str]:
    """The lines of a bring-up after another one was killed."""
    process = another_up(settings)
    until(lambda: settings.name in clusters(), within_s=120, every_s=0.1, running=process)
    process.kill()
    process.communicate()
    return up.bring_up(settings, ProgressRecorder())[1]


@pytest.fixture
def info(settings: KindSettings, made: list[str]) -> StackInfo:
    found = attach.find(settings.state, name=settings.name)
    assert found is not None
    return found


@pytest.fixture
def client(info: StackInfo) -> Iterator[KubeClient]:
    with KubeClient(access_of(info)) as connected:
        yield connected
