"""The signer's client. grpc is imported with the first call, because the import takes 110 ms."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import grpc.aio

_DEADLINE: Final = 2.0
"""Seconds for one call."""
_CHANNEL_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.min_reconnect_backoff_ms", 2000),
    # A proxy from the environment cannot resolve cluster-internal or local names.
    ("grpc.enable_http_proxy", 0),
)
"""gRPC's default backoff grows to two minutes, which would delay reconnecting to a restarted signer. The minimum
backoff is also the timeout of one connection attempt, so a busy machine needs a larger value."""


class SignerUnavailable(Exception):
    """The signer or its database does not answer. Reported as ``503 signing_unavailable``."""


class SigningRefused(Exception):
    """The signer rejected the request. The text is the contract's, for example ``signing: key retired``."""


class PublicKey(NamedTuple):
    """A scope's active key: its id and the 32 raw bytes that Nodes expect."""

    key_id: str
    raw: bytes


class Signature(NamedTuple):
    """A signature: the id of the signing key and the 64 raw bytes."""

    key_id: str
    raw: bytes


class SignerClient:
    """Calls the signer at ``endpoint`` (``host:port``). Bound to the event loop of the first call.

    Every call raises ``SignerUnavailable`` or ``SigningRefused``.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._channel: grpc.aio.Channel | None = None

    async def public_key(self, scope: str) -> PublicKey:
        """Return the active key of ``platform`` or ``domain:<uuid>``, created on first use."""
        answer = await self._call("PublicKey", "PublicKeyRequest", scope=scope)
        return PublicKey(answer.key_id, answer.public_key)

    async def sign(self, scope: str, payload: bytes, *, key_id: str = "") -> Signature:
        """Sign with the scope's active key. If ``key_id`` is set, the signer rejects any other key."""
        answer = await self._call("Sign", "SignRequest", scope=scope, payload=payload, key_id=key_id)
        return Signature(answer.key_id, answer.signature)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close(grace=None)
            self._channel = None

    async def _call(self, method: str, request: str, **fields: object) -> Any:
        # In a thread, so that the import does not block the event loop.
        stubs = await asyncio.to_thread(importlib.import_module, f"{__package__}.signing_pb2_grpc")
        wire = importlib.import_module(f"{__package__}.signing_pb2")
        import grpc.aio

        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._endpoint, options=_CHANNEL_OPTIONS)
        call = getattr(stubs.SigningStub(self._channel), method)
        try:
            return await call(getattr(wire, request)(**fields), timeout=_DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise _translated(error) from error


def _translated(error: grpc.aio.AioRpcError) -> SignerUnavailable | SigningRefused:
    refused = ("FAILED_PRECONDITION", "NOT_FOUND", "INVALID_ARGUMENT")
    details = error.details() or ""
    return SigningRefused(details) if error.code().name in refused else SignerUnavailable(details)
