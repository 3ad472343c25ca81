"""The scenarios of ``tests/unit/harness/readiness/test_watch.py``, on a real API server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from pytest_plexdev.kube import Access, KubeClient, Resource
from pytest_plexdev.kube.resources import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.wait import wait_ready
from pytest_plexdev.readiness.watch import Gone, Watch, _RetryState
from pytest_plexdev.readiness.watched_kinds import Scope

Requests = list[httpx.URL]


class Cable:
    """A TCP proxy to the API server, whose connections can be cut."""

    def __init__(self, access: Access) -> None:
        self._target = urlsplit(access.server)
        self._writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def laid(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        try:
            yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await self.cut()

    async def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0.01)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers += [writer, back]
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()


def play(access: Access, namespace: str, scene: Callable[[Watch, Cable, Requests], Awaitable[None]]) -> None:
    async def whole() -> None:
        cable = Cable(access)
        asked: Requests = []

        async def note(request: httpx.Request) -> None:
            asked.append(request.url)

        async with cable.laid() as server, asyncio.timeout(30):
            with KubeClient(Access(**{**vars(access), "server": server})) as client:
                async with client.stream() as http:
                    http.event_hooks["request"].append(note)
                    watch = Watch(client, http, ObjectCache(), (Scope(CONFIG_MAP, namespace),))
                    running = asyncio.ensure_future(watch.run())
                    try:
                        await scene(watch, cable, asked)
                    finally:
                        running.cancel()
                        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(whole())


async def until(watch: Watch, holds: Callable[[], bool]) -> None:
    while not holds():
        await watch.changed.wait()
        watch.changed.clear()


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def watches(asked: Requests) -> list[str]:
    return [url.params["resourceVersion"] for url in asked if "watch" in url.params]


def test_what_comes_changes_and_goes(bare_cluster: Access, kube: KubeClient, namespace: str) -> None:
    ref = ObjectRef("ConfigMap", "one", namespace)

    async def scene(watch: Watch, _cable: Cable, asked: Requests) -> None:
        await until(watch, lambda: watch.is_whole)
        await asyncio.to_thread(kube.apply, config_map(namespace, "one", a="1"))
        await until(watch, lambda: watch.cache.get(ref) is not None)
        await asyncio.to_thread(kube.apply, config_map(namespace, "one", a="2"))
        await until(watch, lambda: (watch.cache.get(ref) or {}).get("data") == {"a": "2"})
        await asyncio.to_thread(kube.delete, CONFIG_MAP, "one", namespace)
        await until(watch, lambda: watch.cache.get(ref) is None)

        assert watch.cache.ended[ref]["data"] == {"a": "2"}
        assert len(asked) - len(watches(asked)) == 1

    play(bare_cluster, namespace, scene)


def test_a_cut_watch_is_resumed_where_it_was(bare_cluster: Access, kube: KubeClient, namespace: str) -> None:
    async def scene(watch: Watch, cable: Cable, asked: Requests) -> None:
        await until(watch, lambda: watch.is_whole)
        await asyncio.to_thread(kube.apply, config_map(namespace, "first"))
        await until(watch, lambda: watch.cache.get(ObjectRef("ConfigMap", "first", namespace)) is not None)
        first = watch.cache.get(ObjectRef("ConfigMap", "first", namespace))
        assert first is not None
        await cable.cut()
        await asyncio.to_thread(kube.apply, config_map(namespace, "meanwhile"))
        await until(watch, lambda: watch.cache.get(ObjectRef("ConfigMap", "meanwhile", namespace)) is not None)

        assert len(asked) - len(watches(asked)) == 1
        assert int(watches(asked)[-1]) >= int(first["metadata"]["resourceVersion"])

    play(bare_cluster, namespace, scene)


def test_a_version_that_the_server_forgot(bare_cluster: Access, kube: KubeClient, leaves: Resource) -> None:
    async def ask() -> None:
        with KubeClient(bare_cluster) as client:
            async with client.stream() as http, asyncio.timeout(10):
                scope = Scope(leaves, "default")
                watch = Watch(client, http, ObjectCache(), (scope,))
                while True:
                    # An established kind is served a moment later; until then the server answers "try again".
                    with contextlib.suppress(httpx.HTTPStatusError):
                        await watch._watch_on(scope, "1", _RetryState())
                    await asyncio.sleep(0.1)

    with pytest.raises(Gone):
        asyncio.run(ask())


@pytest.fixture
def leaves(kube: KubeClient) -> Iterator[Resource]:
    """A new kind: the server has no history from before its definition."""
    resource = Resource("test.plexsphere.com/v1", "Leaf", "leaves")
    name = f"{resource.plural}.test.plexsphere.com"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    kube.apply(
        {
            "apiVersion": CUSTOM_RESOURCE_DEFINITION.api_version,
            "kind": CUSTOM_RESOURCE_DEFINITION.kind,
            "metadata": {"name": name},
            "spec": {
                "group": "test.plexsphere.com",
                "names": {"kind": resource.kind, "plural": resource.plural, "singular": "leaf"},
                "scope": "Namespaced",
                "versions": [version],
            },
        }
    )
    wait_ready(kube, [ObjectRef(CUSTOM_RESOURCE_DEFINITION.kind, name)], timeout=30, progress=lambda _: None)
    yield resource
    kube.delete(CUSTOM_RESOURCE_DEFINITION, name)
