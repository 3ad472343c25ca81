"""The watch, with server behaviour that a real one does not show on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import RESOURCES, ObjectRef
from pytest_plexdev.readiness.watch import Watch
from pytest_plexdev.readiness.watched_kinds import Scope
from tests.support.fake_api import FakeApi

PODS = "/api/v1/namespaces/default/pods"
GATEWAYS = "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways"
SCOPE = Scope(RESOURCES["Pod"], "default")


def pod(name: str, **status: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "status": status}


def ref(name: str) -> ObjectRef:
    return ObjectRef("Pod", name, "default")


async def alone(scene: Callable[[FakeApi, Watch], Awaitable[None]]) -> None:
    """Run a scenario with a watch and no wait."""
    async with FakeApi() as api, asyncio.timeout(10):
        with KubeClient(api.access) as client:
            async with client.stream() as http:
                await scene(api, Watch(client, http, ObjectCache(), (SCOPE,)))


def play(scene: Callable[[FakeApi, Watch], Awaitable[None]], *scopes: Scope) -> None:
    async def whole() -> None:
        async with FakeApi() as api, asyncio.timeout(10):
            with KubeClient(api.access) as client:
                async with client.stream() as http:
                    watch = Watch(client, http, ObjectCache(), scopes or (SCOPE,))
                    running = asyncio.ensure_future(watch.run())
                    try:
                        await scene(api, watch)
                    finally:
                        running.cancel()
                        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(whole())


async def until(watch: Watch, holds: Callable[[], bool]) -> None:
    while not holds():
        await watch.changed.wait()
        watch.changed.clear()


def test_what_is_there_and_what_comes_and_goes() -> None:
    async def scene(api: FakeApi, watch: Watch) -> None:
        api.put(pod("first"))
        await until(watch, lambda: watch.is_whole)
        assert watch.cache.get(ref("first")) is not None
        api.put(pod("second", phase="Pending"))
        await until(watch, lambda: watch.cache.get(ref("second")) is not None)
        api.put(pod("second", phase="Running"))
        await until(watch, lambda: (watch.cache.get(ref("second")) or {})["status"]["phase"] == "Running")
        api.remove(pod("first", phase="Failed"))
        await until(watch, lambda: watch.cache.get(ref("first")) is None)

        assert watch.cache.ended[ref("first")]["status"] == {"phase": "Failed"}
        assert api.lists[PODS] == 1

    play(scene)


def test_a_cut_watch_is_resumed_where_it_was() -> None:
    async def scene(api: FakeApi, watch: Watch) -> None:
        await api.watched()
        api.put(pod("first"))
        await until(watch, lambda: watch.cache.get(ref("first")) is not None)
        api.cut()
        api.put(pod("meanwhile"))
        await until(watch, lambda: watch.cache.get(ref("meanwhile")) is not None)

        assert api.lists[PODS] == 1
        assert api.watched_from[PODS] == [1, 2]

    play(scene)


def test_a_bookmark_moves_the_place_of_resumption() -> None:
    async def scene(api: FakeApi, watch: Watch) -> None:
        await until(watch, lambda: watch.is_whole)
        await api.watched()
        api.bookmark(PODS)
        api.put(pod("seen"))
        await until(watch, lambda: watch.cache.get(ref("seen")) is not None)
        api.bookmark(PODS)
        await asyncio.sleep(0.05)
        api.cut()
        api.put(pod("later"))
        await until(watch, lambda: watch.cache.get(ref("later")) is not None)

        assert api.watched_from[PODS] == [1, 4]

    play(scene)


@pytest.mark.parametrize("how", ["when it asks", "in the middle"])
def test_a_forgotten_version_is_listed_anew(how: str) -> None:
    async def scene(api: FakeApi, watch: Watch) -> None:
        api.put(pod("lost"))
        await until(watch, lambda: watch.is_whole)
        await api.watched()
        if how == "when it asks":
            api.forgotten = 2
            api.cut()
        else:
            api.end_with({"kind": "Status", "code": 410, "reason": "Expired"})
        # No event reports this deletion; only a LIST shows it.
        api._objects[PODS].clear()
        api.put(pod("new"))
        await until(watch, lambda: watch.cache.get(ref("new")) is not None)

        assert watch.cache.get(ref("lost")) is None
        assert api.lists[PODS] == 2

    play(scene)


def test_a_server_that_was_away_is_listed_anew() -> None:
    async def scene(api: FakeApi, watch: Watch) -> None:
        await until(watch, lambda: watch.is_whole)
        await api.stop()
        await until(watch, lambda: watch.away != "")
        api.put(pod("new"))
        await api.start_again()
        await until(watch, lambda: watch.cache.get(ref("new")) is not None)

        assert watch.away == ""
        assert api.lists[PODS] == 2

    play(scene)


def test_nothing_is_judged_before_a_slow_list_is_there() -> None:
    async def scene(api: FakeApi, watch: Watch) -> None:
        api.delay = 0.3
        api.put(pod("slow"))
        await asyncio.sleep(0.1)
        assert not watch.is_whole
        await until(watch, lambda: watch.is_whole)
        assert watch.cache.get(ref("slow")) is not None

    play(scene)


def test_a_kind_is_listed_once_its_definition_is_applied() -> None:
    async def scene(api: FakeApi, watch: Watch) -> None:
        api.unserved.add(GATEWAYS)
        await until(watch, lambda: watch.is_whole)
        assert watch.cache.unserved == {"Gateway"}
        api.unserved.clear()
        api.put({"kind": "Gateway", "metadata": {"name": "late", "namespace": "default"}})
        api.put({"kind": "CustomResourceDefinition", "metadata": {"name": "gateways.gateway.networking.k8s.io"}})
        await until(watch, lambda: watch.cache.get(ObjectRef("Gateway", "late", "default")) is not None)

        assert watch.cache.unserved == set()

    play(scene, Scope(RESOURCES["Gateway"], "default"))


def test_who_may_list_and_not_watch_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_plexdev.readiness.watch._REFUSAL_GRACE", 0.5)

    async def scene(api: FakeApi, watch: Watch) -> None:
        api.forbidden.add(PODS)
        with pytest.raises(PlexdevError) as refused:
            await asyncio.wait_for(watch.run(), timeout=5)

        assert refused.value.tag == "kube-refused"
        assert "watch pods" in str(refused.value)
        # The delay doubles each time, to spare the server.
        assert api.lists[PODS] < 10

    asyncio.run(alone(scene))


def test_an_always_expired_version_is_not_relisted_endlessly() -> None:
    async def scene(api: FakeApi, watch: Watch) -> None:
        api.forgotten = 1_000_000
        await until(watch, lambda: watch.is_whole)
        await asyncio.sleep(1)

        assert 2 <= api.lists[PODS] <= 6

    play(scene)
