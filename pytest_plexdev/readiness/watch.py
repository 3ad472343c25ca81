"""One LIST and WATCH for each kind: what they bring goes into a :class:`World`, within milliseconds.

A watch that was cut is resumed where it was. Where the server was away, or says that it does not know that place any
more (410), the kind is listed again. A kind that is not served yet is listed once its CustomResourceDefinition is.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBE_REFUSED
from pytest_plexdev.kube import KubeClient, Resource
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION
from pytest_plexdev.readiness.ref import ObjectRef
from pytest_plexdev.readiness.world import World

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
"""Seconds between two tries to reach a server that is away."""
_REFUSAL_GRACE: Final = 5.0
"""Seconds that a server may refuse us: while it starts it does not know its own rules yet."""
_SERVED_WITHIN: Final = 5.0
"""Seconds from the last news of a CustomResourceDefinition in which its kind is tried again and again."""
_WATCH_SECONDS: Final = 120
"""Seconds after which the server ends a watch; one that stays silent for longer is dead."""
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_NO_LIMIT: Final = httpx.Timeout(10.0, read=_WATCH_SECONDS + 15.0)


@dataclass(frozen=True)
class Scope:
    """A kind to watch.

    Attributes:
        namespace: Its one namespace, or ``None`` for all.
        needed: Whether the wait is pointless without it; else it only explains, and may be forbidden to us.
    """

    resource: Resource
    namespace: str | None = None
    needed: bool = True


class Gone(Exception):
    """The server does not know this resource version any more."""


class Watch:
    """Keeps a world up to date while it runs.

    Args:
        client: Of the API server; its own connection is not used.
        http: Where the requests go.
    """

    def __init__(self, client: KubeClient, http: httpx.AsyncClient, world: World, scopes: Sequence[Scope]) -> None:
        self.world = world
        self.changed = asyncio.Event()
        self.away: str = ""
        self.clock_offset = 0.0
        self._client = client
        self._http = http
        self._scopes = scopes
        self._listed: set[Scope] = set()
        self._kinds_changed = asyncio.Event()
        self._kinds_changed_at = float("-inf")
        self._kinds: Watch | None = None
        self._group = asyncio.TaskGroup()

    @property
    def is_whole(self) -> bool:
        """Whether every kind was listed once, or is not served."""
        return len(self._listed) == len(self._scopes)

    async def run(self) -> None:
        """Follow every kind until cancelled.

        Raises:
            PlexdevError: ``kube-refused``: we may not see a kind that is needed.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                for scope in self._scopes:
                    self._group.create_task(self._follow(scope))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _follow(self, scope: Scope) -> None:
        pause, refused_since = _FIRST_PAUSE, None
        while True:
            try:
                version = await self._list(scope)
                pause, refused_since = _FIRST_PAUSE, None
                if version is None:
                    await self._kind_appears()
                else:
                    await self._watch_on(scope, version)
                continue
            except Gone:
                continue
            except PlexdevError:
                refused_since = refused_since or time.monotonic()
                if time.monotonic() - refused_since > _REFUSAL_GRACE or not scope.needed:
                    if scope.needed:
                        raise
                    self._note(scope)
                    return
            except httpx.HTTPError as error:
                self._server_is_away(error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _list(self, scope: Scope) -> str | None:
        """Its resource version; ``None`` where the kind is not served."""
        path = scope.resource.path(scope.namespace)
        response = await self._http.get(path, timeout=_NO_LIMIT, headers=_accept(scope, "List"))
        if response.status_code == httpx.codes.NOT_FOUND:
            self.world.unserved.add(scope.resource.kind)
            self.world.replace(scope.resource.kind, scope.namespace, ())
            self._note(scope)
            return None
        self._check(scope, response)
        listing = msgspec.json.decode(response.content)
        self.clock_offset = _offset(response) or self.clock_offset
        self.away = ""
        self.world.unserved.discard(scope.resource.kind)
        self.world.replace(scope.resource.kind, scope.namespace, listing["items"] or ())
        self._note(scope)
        return str(listing["metadata"]["resourceVersion"])

    async def _watch_on(self, scope: Scope, version: str) -> None:
        """Watch from one version to the next, over as many connections as it takes."""
        while True:
            query = {
                "watch": "1",
                "allowWatchBookmarks": "true",
                "resourceVersion": version,
                "timeoutSeconds": str(_WATCH_SECONDS),
            }
            path = scope.resource.path(scope.namespace)
            headers = _accept(scope, "")
            stream = self._http.stream("GET", path, params=query, timeout=_NO_LIMIT, headers=headers)
            async with stream as response:
                if response.status_code in (httpx.codes.GONE, httpx.codes.NOT_FOUND):
                    raise Gone
                if not response.is_success:
                    await response.aread()
                self._check(scope, response)
                # A cut connection is resumed; one that cannot be made means that the server is away.
                with contextlib.suppress(httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout):
                    async for line in _lines(response):
                        version = self._take(scope, msgspec.json.decode(line))
            # A server that is going down accepts and cuts.
            await asyncio.sleep(_FIRST_PAUSE)

    def _take(self, scope: Scope, news: dict[str, Any]) -> str:
        """One event of a watch; its resource version."""
        kind, item = news["type"], news["object"]
        if kind == "ERROR":
            raise Gone
        if kind != "BOOKMARK":
            ref = ObjectRef.of(item, scope.resource.kind)
            if kind == "DELETED":
                self.world.remove(ref, item)
            else:
                self.world.put(ref, item)
            self.changed.set()
        return str(item["metadata"]["resourceVersion"])

    async def _kind_appears(self) -> None:
        """Return when a CustomResourceDefinition came or changed."""
        if self._kinds is None:
            # Its own world: of these objects nothing but their coming counts.
            self._kinds = Watch(self._client, self._http, World(), (Scope(CUSTOM_RESOURCE_DEFINITION, needed=False),))
            self._kinds.changed = self._kinds_changed
            self._group.create_task(self._kinds.run())
        # Established is told a moment before the kind is served, and when it is nothing more is told.
        if time.monotonic() - self._kinds_changed_at < _SERVED_WITHIN:
            await asyncio.sleep(_FIRST_PAUSE)
            return
        await self._kinds_changed.wait()
        self._kinds_changed.clear()
        self._kinds_changed_at = time.monotonic()

    def _note(self, scope: Scope) -> None:
        self._listed.add(scope)
        self.changed.set()

    def _server_is_away(self, error: httpx.HTTPError) -> None:
        self.away = str(error) or type(error).__name__
        self.changed.set()

    def _check(self, scope: Scope, response: httpx.Response) -> None:
        if response.is_success:
            return
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            raise httpx.HTTPStatusError(
                f"it answers {response.status_code}", request=response.request, response=response
            )
        raise _refusal(self._client, scope, response)


def _refusal(client: KubeClient, scope: Scope, response: httpx.Response) -> PlexdevError:
    return PlexdevError(
        KUBE_REFUSED,
        verb="list",
        object=scope.resource.plural,
        reason=f"{response.status_code} {response.reason_phrase}",
        message=_message(response),
        fix=client.command("auth", "can-i", "watch", scope.resource.plural),
    )


def _message(response: httpx.Response) -> str:
    with contextlib.suppress(msgspec.DecodeError, AttributeError):
        return str(msgspec.json.decode(response.content).get("message"))
    return response.text[:500] or "it gave no reason"


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """One JSON object each. Not ``aiter_lines``: that breaks lines where JSON does not."""
    rest = b""
    async for piece in response.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line


def _accept(scope: Scope, suffix: str) -> dict[str, str]:
    """Definitions that only tell when to look again come without their schemas, which are megabytes."""
    bare = scope.resource == CUSTOM_RESOURCE_DEFINITION and not scope.needed
    return {"accept": _METADATA_ONLY.format(suffix)} if bare else {}


def _offset(response: httpx.Response) -> float:
    """How far the server's clock is ahead of ours; nothing where the difference is within what a header can tell."""
    from email.utils import parsedate_to_datetime

    try:
        ahead = parsedate_to_datetime(response.headers["date"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return 0.0
    return ahead if abs(ahead) > 2 else 0.0
