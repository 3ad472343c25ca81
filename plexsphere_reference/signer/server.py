"""``python -m plexsphere_reference signer``: serve the keys until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Never, TypeAlias

import grpc
import grpc.aio

from plexsphere_reference.log import dev_warning, log
from plexsphere_reference.signer import signing_pb2 as wire
from plexsphere_reference.signer.keys import Failure, Keys, SigningError, SigningKey, State
from plexsphere_reference.signer.signing_pb2_grpc import SigningServicer, add_SigningServicer_to_server
from plexsphere_reference.stop_signals import stop_on_signals
from plexsphere_reference.store.database import Database, DatastoreUnavailable

_STOP_GRACE: Final = 0.1
"""Grace period in seconds for running calls at shutdown."""
_CANNOT_LISTEN: Final = 2

_STATUS: Final[dict[Failure, grpc.StatusCode]] = {
    "key retired": grpc.StatusCode.FAILED_PRECONDITION,
    "rotation in progress": grpc.StatusCode.FAILED_PRECONDITION,
    "key not found": grpc.StatusCode.NOT_FOUND,
    "scope mismatch": grpc.StatusCode.NOT_FOUND,
    "invariant violation": grpc.StatusCode.INVALID_ARGUMENT,
}
_WIRE_STATE: Final[dict[State, wire.KeyState]] = {
    "active": wire.KEY_STATE_ACTIVE,
    "rotating": wire.KEY_STATE_ROTATING,
    "retired": wire.KEY_STATE_RETIRED,
}


def main(database_url: str, listen: str, port_file: Path | None, *, env: str = "dev") -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        database_url: libpq URL. Postgres may start later; until then calls answer UNAVAILABLE.
        listen: ``HOST:PORT``, where port 0 lets the kernel choose, or ``unix:///PATH``, percent-encoded: callers
            are not authenticated, so access to that directory permits signing anything.
        port_file: Written atomically with the port once the signer accepts connections.
        env: With ``dev`` the development warning is logged.

    Returns:
        0 after a signal, 2 if it cannot listen on this address.
    """
    dev_warning(
        dependency="signer",
        prod_delta="keys lie in Postgres in clear and peers are not authenticated; production uses a KMS and mTLS",
        env=env,
    )
    return asyncio.run(_serve(database_url, listen, port_file))


async def _serve(database_url: str, listen: str, port_file: Path | None) -> int:
    stop = stop_on_signals()
    database = Database(database_url, most_connections=4)
    # Without SO_REUSEPORT a second signer on the same port fails instead of sharing it silently.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_SigningServicer_to_server(_Service(Keys(database)), server)  # type: ignore[no-untyped-call]  # generated
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        log("ERROR", "signer cannot listen", listen=listen, reason=error)
        return _CANNOT_LISTEN
    await database.open()
    await server.start()
    _announce(listen, port, port_file)
    await stop.wait()
    # Close the database first, so that calls waiting for Postgres fail at once and not after the grace period.
    await database.close()
    await server.stop(_STOP_GRACE)
    return 0


def _announce(listen: str, port: int, port_file: Path | None) -> None:
    log("INFO", "signer-listening", listen=listen, port=port)
    if port_file is not None:
        unfinished = port_file.with_name(f".{port_file.name}.{os.getpid()}")
        unfinished.write_text(f"{port}\n", encoding="utf-8")
        unfinished.replace(port_file)


_Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"


class _Service(SigningServicer):
    """The four RPCs, specified in signing.proto."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def Sign(self, request: wire.SignRequest, context: _Context) -> wire.SignResponse:  # noqa: N802 (the name in the .proto)
        async with _refusals(context):
            if not request.payload:
                raise SigningError("invariant violation")
            key = await self._keys.get(request.scope, request.key_id)
            return wire.SignResponse(key_id=str(key.id), signature=key.sign(request.payload))

    async def PublicKey(self, request: wire.PublicKeyRequest, context: _Context) -> wire.Key:  # noqa: N802 (the name in the .proto)
        async with _refusals(context):
            return _wire_key(await self._keys.get(request.scope, request.key_id))

    async def OpenRotation(  # noqa: N802 (the name in the .proto)
        self, request: wire.OpenRotationRequest, context: _Context
    ) -> wire.OpenRotationResponse:
        async with _refusals(context):
            active, rotating = await self._keys.open_rotation(request.scope)
            log("INFO", "rotation-opened", scope=request.scope, active=active.id, rotating=rotating.id)
            return wire.OpenRotationResponse(active=_wire_key(active), rotating=_wire_key(rotating))

    async def CloseRotation(  # noqa: N802 (the name in the .proto)
        self, request: wire.CloseRotationRequest, context: _Context
    ) -> wire.CloseRotationResponse:
        async with _refusals(context):
            active, retired = await self._keys.close_rotation(request.scope)
            log("INFO", "rotation-closed", scope=request.scope, active=active.id, retired=retired.id)
            return wire.CloseRotationResponse(active=_wire_key(active), retired=_wire_key(retired))


@asynccontextmanager
async def _refusals(context: _Context) -> AsyncIterator[None]:
    """Convert exceptions to the contract's gRPC status and details (facts, signer)."""
    try:
        yield
    except SigningError as error:
        await _abort(context, _STATUS[error.failure], f"signing: {error.failure}")
    except DatastoreUnavailable as error:
        log("WARN", "key provider unavailable", reason=error)
        await _abort(context, grpc.StatusCode.UNAVAILABLE, "signing: key provider unavailable")


async def _abort(context: _Context, code: grpc.StatusCode, details: str) -> Never:
    await context.abort(code, details)
    raise AssertionError("abort always raises")


def _wire_key(key: SigningKey) -> wire.Key:
    return wire.Key(key_id=str(key.id), scope=key.scope, state=_WIRE_STATE[key.state], public_key=key.public_key)
