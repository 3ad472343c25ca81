"""Public operations: health, version, the OpenAPI document, probes, metrics."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from plexsphere_reference.http.context import Call
from plexsphere_reference.http.docs_page import docs_page
from plexsphere_reference.http.document import document
from plexsphere_reference.http.operation import Handler, Operation
from plexsphere_reference.http.problems import of_status
from plexsphere_reference.http.unimplemented import unbuilt

VERSION: Final = "0.1.0"
_BUILT: Final = "2026-11-22T00:00:00Z"
_ROLLUP: Final = {"ready": "ok", "degraded": "degraded", "unhealthy": "down"}


async def health(call: Call) -> Response:
    status, outcomes = await call.plane.probes.run()
    checks = [
        {"name": each.name, "status": "ok" if each.ok else "down", "detail": each.detail or "answers"}
        for each in outcomes
    ]
    return call.json({"status": _ROLLUP[status], "checks": checks}, status=503 if status == "unhealthy" else 200)


async def readyz(call: Call) -> Response:
    status, outcomes = await call.plane.probes.run()
    probes = [
        {"name": each.name, "ok": each.ok}
        | ({"informational": True} if each.informational else {})
        | ({"detail": each.detail} if each.detail else {})
        for each in outcomes
    ]
    return call.json({"status": status, "probes": probes}, status=503 if status == "unhealthy" else 200)


async def livez(call: Call) -> Response:
    return call.json({"status": "alive"})


async def version(call: Call) -> Response:
    return call.json({"version": VERSION, "commit": "reference", "date": _BUILT})


async def metrics(call: Call) -> Response:
    return Response(call.plane.metrics.exposition(), media_type="text/plain; version=0.0.4")


async def openapi(call: Call) -> Response:
    return call.json(document(_documented()))


async def docs(call: Call) -> Response:
    return docs_page(_documented(), unbuilt(), call.plane.settings)


async def docs_asset(_call: Call) -> Response:
    # The page above has no assets.
    raise of_status(404)


def _documented() -> list[Operation]:
    from plexsphere_reference.http.app import operations

    return [each for each in operations() if each.path.startswith("/v1/") and each.path != "/v1/device"]


def _public(path: str, handler: Handler) -> Operation:
    return Operation(method="GET", path=path, handler=handler, surface="meta", access="public")


OPERATIONS: Final = (
    _public("/v1/health", health),
    _public("/v1/version", version),
    _public("/v1/openapi.json", openapi),
    _public("/v1/docs", docs),
    _public("/v1/docs/assets/{asset}", docs_asset),
    _public("/livez", livez),
    _public("/readyz", readyz),
    _public("/metrics", metrics),
)
