"""The configured parts of the observability surfaces, built once at start. Nothing connects before it is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Self

from plexsphere_reference.observability.buffer import IngestBuffer
from plexsphere_reference.observability.upstream import Upstream
from plexsphere_reference.rules.byte_budget import ByteBudget
from plexsphere_reference.settings import Settings

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Observability:
    """The ingest buffer, the backends and the quotas.

    Attributes:
        per_node: The quota of each Node, in bytes of the body as sent.
        per_domain: The quota of each Domain.
    """

    buffer: IngestBuffer | None
    mimir: Upstream | None
    loki: Upstream | None
    per_node: ByteBudget = field(default_factory=lambda: ByteBudget(burst=8 * _MIB, rate=_MIB, clock=monotonic))
    per_domain: ByteBudget = field(default_factory=lambda: ByteBudget(burst=64 * _MIB, rate=8 * _MIB, clock=monotonic))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            buffer=IngestBuffer(settings.obs_nats_url) if settings.obs_nats_url else None,
            mimir=Upstream(settings.mimir_url) if settings.mimir_url else None,
            loki=Upstream(settings.loki_url) if settings.loki_url else None,
        )

    async def forward(self) -> None:
        """Forward the buffered batches until cancelled; returns at once without a buffer."""
        if self.buffer is None:
            return
        from plexsphere_reference.observability.forwarder import Forwarder, routes

        await Forwarder(self.buffer, routes(self.mimir, self.loki)).run()

    async def close(self) -> None:
        """Close the connections to the backends."""
        for upstream in (self.mimir, self.loki):
            if upstream is not None:
                await upstream.close()
