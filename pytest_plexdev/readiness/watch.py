"""LIST and WATCH each kind into an :class:`ObjectCache`, within milliseconds of a change.

A disconnected watch resumes at its last resource version. If the server was unreachable, or has forgotten that version
(410), the kind is listed again. A kind that is not yet served is listed as soon as its
CustomResourceDefinition is established.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.protocol import check, clock_ahead, lines
from pytest_plexdev.readiness.watched_kinds import Scope

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
"""Seconds between two attempts to connect to a server that does not answer."""
_REFUSAL_GRACE: Final = 5.0
"""Seconds for which a server may refuse permission: while it starts, its RBAC rules are not loaded yet."""
_SERVED_WITHIN: Final = 5.0
"""Seconds after a change of a CustomResourceDefinition during which its kind is retried."""
_WATCH_SECONDS: Final = 120
"""Seconds after which the server ends a watch; a connection that is silent for longer is dead."""
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_NO_LIMIT: Final = httpx.Timeout(10.0, read=_WATCH_SECONDS + 15.0)


@dataclass
class _RetryState:
    """Back-off and refusals of one kind's requests, until a watch delivers an event."""

    refused_since: float | None = None
    pause: float = _FIRST_PAUSE

    def reset(self) -> None:
        self.refused_since, self.pause = None, _FIRST_PAUSE

    def refused_for(self) -> float:
        """Record a refusal and return for how many seconds the server has refused."""
        now = time.monotonic()
        self.refused_since = self.refused_since or now
        return now - self.refused_since

    async def rest(self) -> None:
        await asyncio.sleep(self.pause)
        self.pause = min(2 * self.pause, _LONGEST_PAUSE)


class Gone(Exception):
    """The resource version has expired on the server."""


class Watch:
    """Keep a cache up to date.

    Args:
        client: The client of the API server; its own connection is not used.
        http: The connection that is used.
    """

    def __init__(
        self, client: KubeClient, http: httpx.AsyncClient, cache: ObjectCache, scopes: Sequence[Scope]
    ) -> None:
        self.cache = cache
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
        """Whether every kind has been listed, or is not served."""
        return len(self._listed) == len(self._scopes)

    async def run(self) -> None:
        """Follow every kind until cancelled.

        Raises:
            PlexdevError: ``kube-refused``: this user may not list a kind that is needed.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                for scope in self._scopes:
                    self._group.create_task(self._follow(scope))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _follow(self, scope: Scope) -> None:
        retry = _RetryState()
        while True:
            try:
                version = await self._list(scope)
                if version is None:
                    retry.reset()
                    await self._kind_appears()
                else:
                    await self._watch_on(scope, version, retry)
                continue
            except Gone:
                # List again.
                pass
            except PlexdevError:
                if not scope.needed:
                    self.cache.refused.add(scope.key)
                    self._note(scope)
                    return
                if retry.refused_for() > _REFUSAL_GRACE:
                    raise
            except httpx.HTTPError as error:
                self._server_is_away(error)
            await retry.rest()

    async def _list(self, scope: Scope) -> str | None:
        """List a kind. Returns the resource version; ``None`` if the kind is not served."""
        path = scope.resource.path(scope.namespace)
        response = await self._http.get(path, timeout=_NO_LIMIT, headers=_accept(scope, "List"))
        if response.status_code == httpx.codes.NOT_FOUND:
            self.cache.unserved.add(scope.resource.kind)
            self.cache.replace(scope.resource.kind, scope.namespace, ())
            self._note(scope)
            return None
        check(self._client, "list", scope.resource, response)
        listing = decode_as(response.content, dict[str, Any])
        self.clock_offset = clock_ahead(response) or self.clock_offset
        self.away = ""
        self.cache.unserved.discard(scope.resource.kind)
        self.cache.replace(scope.resource.kind, scope.namespace, listing["items"] or ())
        self._note(scope)
        return str(listing["metadata"]["resourceVersion"])

    async def _watch_on(self, scope: Scope, version: str, retry: _RetryState) -> None:
        """Watch from *version* on, over as many connections as needed."""
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
                check(self._client, "watch", scope.resource, response)
                # Only now: a user who may list may still lack the permission to watch.
                retry.refused_since = None
                # A cut connection is resumed; one that cannot be established means that the server does not answer.
                with contextlib.suppress(httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout):
                    async for line in lines(response):
                        version = self._apply_event(scope, decode_as(line, dict[str, Any]))
                        retry.reset()
            # A server that shuts down accepts connections and cuts them.
            await asyncio.sleep(_FIRST_PAUSE)

    def _apply_event(self, scope: Scope, news: dict[str, Any]) -> str:
        """Apply one event of a watch. Returns its resource version."""
        kind, item = news["type"], news["object"]
        if kind == "ERROR":
            raise Gone
        if kind != "BOOKMARK":
            ref = ObjectRef.of(item, scope.resource.kind)
            if kind == "DELETED":
                self.cache.remove(ref, item)
            else:
                self.cache.put(ref, item)
            self.changed.set()
        return str(item["metadata"]["resourceVersion"])

    async def _kind_appears(self) -> None:
        """Return when a CustomResourceDefinition was created or changed."""
        if self._kinds is None:
            # In a cache of their own: only the fact that one changed is of interest.
            self._kinds = Watch(
                self._client, self._http, ObjectCache(), (Scope(CUSTOM_RESOURCE_DEFINITION, needed=False),)
            )
            self._kinds.changed = self._kinds_changed
            self._group.create_task(self._kinds.run())
        # A CRD is Established shortly before its kind is served, and no event follows, so retry for a few seconds.
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


def _accept(scope: Scope, suffix: str) -> dict[str, str]:
    """Request CRDs that only trigger a retry without their schemas, which are megabytes."""
    bare = scope.resource == CUSTOM_RESOURCE_DEFINITION and not scope.needed
    return {"accept": _METADATA_ONLY.format(suffix)} if bare else {}
