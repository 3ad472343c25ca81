"""``/v1/artifacts/plexd``: the plexd releases in the bucket, their checksums and their Sigstore bundles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.responses import Response

from plexsphere_reference.artifacts import releases
from plexsphere_reference.artifacts.blob_store import BlobStore
from plexsphere_reference.artifacts.layout import Release
from plexsphere_reference.artifacts.s3 import BlobStoreUnavailable
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.log import log
from plexsphere_reference.rules.tenancy import PLATFORM


async def list_releases(call: Call) -> Response:
    page = call.page("artifacts")
    await _require_read(call, action="artifact.list")
    after = page.after[0] if page.after else None
    async with _blob_store(call) as store:
        rows = await releases.page(store, after=after, most=page.most)
    return call.listed(page, rows, page.shown(rows), position=_position)


async def get_release(call: Call) -> Response:
    await _require_read_or_hide(call, action="artifact.read")
    async with _blob_store(call) as store:
        release = await releases.find(store, call.request.path_params["version"])
    if release is None:
        raise _not_found()
    return call.json(
        {
            "version": release.version,
            "support_status": release.support_status,
            "verdict": release.verdict,
            "architectures": release.architectures,
        }
    )


async def get_bundle(call: Call) -> Response:
    await _require_read_or_hide(call, action="artifact_signature.read")
    async with _blob_store(call) as store:
        bundle = await releases.bundle(store, call.request.path_params["version"])
    if bundle is None:
        raise _not_found()
    return Response(bundle, media_type="application/octet-stream")


async def _require_read(call: Call, *, action: str) -> None:
    """Require the platform's read relation of a user. A Node needs no relation (contract, access by NSK)."""
    if call.caller.kind == "user":
        await call.require_read("read", PLATFORM, action=action, chain=None)


async def _require_read_or_hide(call: Call, *, action: str) -> None:
    """Like :func:`_require_read`, but a denial is answered as a release that does not exist."""
    try:
        await _require_read(call, action=action)
    except Problem as refusal:
        raise (_not_found() if refusal.code == "permission_denied" else refusal) from refusal


@asynccontextmanager
async def _blob_store(call: Call) -> AsyncIterator[BlobStore]:
    """Give the bucket's reader; its failures become 503, with the reason in the log."""
    store = call.plane.blob_store
    assert store is not None, "the surface artifacts needs the variables of S3"
    try:
        yield store
    except BlobStoreUnavailable as error:
        log("WARN", "the artifact bucket cannot be read", correlation_id=call.correlation_id, reason=error)
        raise Problem(503, "artifact_store_unavailable", "the store of artifacts does not answer") from error


def _not_found() -> Problem:
    return Problem(404, "release_not_found", "no plexd release of this version is indexed")


def _position(last: Release) -> list[Any]:
    return [last.version]


_COLLECTION: Final = "/v1/artifacts/plexd"
_RELEASE: Final = f"{_COLLECTION}/{{version}}"
OPERATIONS: Final = tuple(
    Operation(method="GET", path=path, handler=handler, surface="artifacts", access="operator_or_node")
    for path, handler in (
        (_COLLECTION, list_releases),
        (_RELEASE, get_release),
        (f"{_RELEASE}/sigstore", get_bundle),
    )
)
