"""A fake API server whose watch events a test sends."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence

from pytest_plexdev.kube.resources import KubeObject
from tests.support.fake_api import FakeApi


class Server:
    """A fake API server in its own thread, for waits that are not coroutines."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        self._do(self.api.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self.api.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def put(self, items: Sequence[KubeObject]) -> None:
        async def all_of() -> None:
            for item in items:
                self.api.put(json.loads(json.dumps(item)))

        self._do(all_of())

    def remove(self, item: KubeObject) -> None:
        async def one() -> None:
            self.api.remove(item)

        self._do(one())

    def stop(self) -> None:
        self._do(self.api.stop())

    def _do(self, what: object) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(5)  # type: ignore[arg-type]
