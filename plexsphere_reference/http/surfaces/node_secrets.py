"""``GET /v1/nodes/{id}/secrets/{name}``: a secret of the Node's Project in OpenBao, encrypted with the Node's NSK."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final
from uuid import UUID

from starlette.responses import Response

from plexsphere_reference.http.authentication import nsk_of
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.operation import Operation
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.http.surfaces.nodes import require_own_id
from plexsphere_reference.log import log
from plexsphere_reference.openbao import OpenBaoUnavailable, Secret
from plexsphere_reference.store import nodes

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")
_KEY: Final = "value"
"""The key of the secret's text."""
_NONCE_BYTES: Final = 12


async def get_node_secret(call: Call) -> Response:
    node_id = require_own_id(call)
    domain_id, name = call.caller.domain_id, call.request.path_params["name"]
    project_id = await nodes.project_of(call.plane.database, node_id)
    if project_id is None or not _NAME.fullmatch(name):
        raise _not_found(name)
    secret = await _read(call, project_id, name)
    text = secret.values.get(_KEY)
    if not isinstance(text, str):
        raise _not_found(name)
    await call.note(f"secret:{project_id}/{name}", action="secret.read", chain=domain_id)
    nsk = nsk_of(call.request)
    headers = {
        "X-Plexsphere-Secret-Version": str(secret.version),
        "X-Plexsphere-Secret-KID": hashlib.sha256(nsk).hexdigest()[:16],
        "Cache-Control": "no-store",
    }
    return Response(_sealed(nsk, text.encode()), headers=headers, media_type="application/octet-stream")


async def _read(call: Call, project_id: UUID, name: str) -> Secret:
    """Read the requested version.

    Raises:
        Problem: 404 ``secret_not_found`` or ``secret_version_not_found``; 503 ``openbao_unavailable``.
    """
    domain_id, version = call.caller.domain_id, call.query("version")
    if version is not None and not _VERSION.fullmatch(version):
        raise _version_not_found(name)
    path = f"domains/{domain_id}/projects/{project_id}/{name}"
    openbao = call.plane.openbao
    assert openbao is not None, "the surface is not wired without it"
    try:
        secret = await openbao.read(path, version=int(version) if version else None)
        if secret is None and version is not None and await openbao.read(path) is not None:
            raise _version_not_found(name)
    except OpenBaoUnavailable as error:
        log("WARN", "OpenBao unavailable", reason=error, correlation_id=call.correlation_id)
        # What a Node may read follows from the path alone, so the read was authorised.
        await call.note(f"secret:{project_id}/{name}", action="secret.read", chain=domain_id)
        detail = "the secret backend is sealed or unreachable; the authorized read could not be completed"
        raise Problem(503, "openbao_unavailable", detail) from error
    if secret is None:
        raise _not_found(name)
    return secret


def _sealed(nsk: bytes, plaintext: bytes) -> bytes:
    """Encrypt with AES-256-GCM: 12 bytes nonce, ciphertext, 16 bytes tag (contract)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(nsk).encrypt(nonce, plaintext, None)


def _not_found(name: str) -> Problem:
    return Problem(404, "secret_not_found", f"no secret named {name} is visible to this Node")


def _version_not_found(name: str) -> Problem:
    return Problem(404, "secret_version_not_found", f"the secret {name} has no such version")


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/nodes/{id}/secrets/{name}",
        handler=get_node_secret,
        surface="secrets",
        needs=("PLEXSPHERE_OPENBAO_URL", "PLEXSPHERE_OPENBAO_TOKEN"),
        access="node",
    ),
)
