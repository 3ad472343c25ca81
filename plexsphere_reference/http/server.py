"""``api``: build and serve the API, and shut down within half a second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from plexsphere_reference.artifacts.blob_store import BlobStore
from plexsphere_reference.authz.connect import connect
from plexsphere_reference.authz.model import Authorizer
from plexsphere_reference.client_secrets import ClientSecrets
from plexsphere_reference.http.app import build
from plexsphere_reference.http.dependencies import Plane
from plexsphere_reference.http.metrics import Metrics
from plexsphere_reference.http.probes import Check, Probe, Probes
from plexsphere_reference.http.protocol import PlaneProtocol
from plexsphere_reference.log import dev_warning, log
from plexsphere_reference.oidc import RelyingParty
from plexsphere_reference.openbao import OpenBao
from plexsphere_reference.reachability import Evaluator
from plexsphere_reference.relay import Relay
from plexsphere_reference.rules.audit import UNPROVISIONED_KEY
from plexsphere_reference.settings import Settings
from plexsphere_reference.stop_signals import stop_on_signals
from plexsphere_reference.stop_tasks import stop_tasks
from plexsphere_reference.store.audit import AuditLog
from plexsphere_reference.store.audit_verification import AuditVerifier
from plexsphere_reference.store.credentials import Credentials
from plexsphere_reference.store.database import Database
from plexsphere_reference.store.domains import Domains
from plexsphere_reference.store.wrong_user_codes import WrongUserCodes

if TYPE_CHECKING:
    from plexsphere_reference.observability.parts import Observability
    from plexsphere_reference.signer.client import SignerClient

_BACKLOG: Final = 2048
_GRACE: Final = 0.2
"""Grace period in seconds for running requests at shutdown."""


def main(settings: Settings, *, listen: str) -> int:
    """Serve until SIGTERM or SIGINT."""
    dev_warning(
        dependency="plexsphere",
        prod_delta="static HMAC keys and plain HTTP; production takes keys from the secret store and serves TLS",
        env=settings.env,
    )
    sock = bound_socket(listen)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.Runner(loop_factory=_loop_factory()).run(_serve(settings, sock))
    return 0


def bound_socket(listen: str) -> socket.socket:
    """Return the listening socket: inherited from the parent for ``fd:N``, newly bound for ``HOST:PORT``."""
    kind, _, number = listen.partition(":")
    if kind == "fd":
        return socket.socket(fileno=int(number))
    host, _, port = listen.rpartition(":")
    return socket.create_server((host.strip("[]"), int(port)), backlog=_BACKLOG, reuse_port=False)


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(settings: Settings, sock: socket.socket) -> None:
    async with _plane(settings) as plane:
        server = _Server(
            uvicorn.Config(
                build(plane),
                http=PlaneProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                # X-Forwarded-* is trusted only with PLEXSPHERE_AUTH_TRUST_PROXY_HEADERS.
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=1,
                ws="none",
            )
        )
        log("INFO", "serving", address=sock.getsockname())
        await server.serve(sockets=[sock])


class _Server(uvicorn.Server):
    """A uvicorn server that stops on our signals, without uvicorn's half-second poll."""

    async def main_loop(self) -> None:
        stop = stop_on_signals()
        ticker = asyncio.create_task(self._tick())
        await stop.wait()
        ticker.cancel()
        self.should_exit = True
        await self._finish_requests()
        self.force_exit = True

    async def _tick(self) -> None:
        # uvicorn refreshes its Date header and limits in its main loop, which this loop replaces.
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864000
            await asyncio.sleep(0.1)

    async def _finish_requests(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while self.server_state.tasks:
                    await asyncio.wait(self.server_state.tasks)

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def _plane(settings: Settings) -> AsyncIterator[Plane]:
    database = Database(settings.database_url)
    await database.open()
    authorizer = connect(settings, database)
    relay = Relay(settings, database)
    evaluator = Evaluator(database, pseudonym_key=settings.pseudonym_key or UNPROVISIONED_KEY)
    relying_party = RelyingParty()
    openbao = _openbao(settings)
    blob_store = BlobStore(settings.bucket) if settings.bucket else None
    plane = Plane(
        settings=settings,
        database=database,
        authorizer=authorizer,
        audit=AuditLog(database),
        audit_verifier=AuditVerifier(database),
        credentials=Credentials(database),
        domains=Domains(database),
        probes=_probes(settings, database, authorizer, relay, openbao, blob_store),
        metrics=Metrics(),
        observability=_observability(settings),
        signer=_signer(settings),
        evaluator=evaluator,
        relying_party=relying_party,
        openbao=openbao,
        client_secrets=ClientSecrets.of(settings, openbao),
        wrong_user_codes=WrongUserCodes(database),
        blob_store=blob_store,
    )
    background = [asyncio.create_task(relying_party.warm_up())]
    if settings.nats_url:
        background.append(asyncio.create_task(_once_opened(database, relay.run)))
    if plane.observability is not None:
        background.append(asyncio.create_task(plane.observability.forward()))
    if settings.reachability_evaluator:
        background.append(asyncio.create_task(_once_opened(database, evaluator.run)))
    try:
        yield plane
    finally:
        await stop_tasks(background)
        if plane.observability is not None:
            await plane.observability.close()
        await relying_party.close()
        if openbao is not None:
            await openbao.close()
        if plane.signer is not None:
            await plane.signer.close()
        await authorizer.close()
        await database.close()


async def _once_opened(database: Database, run: Callable[[], Awaitable[None]]) -> None:
    await database.opened()
    await run()


def _observability(settings: Settings) -> Observability | None:
    if not (settings.obs_nats_url or settings.mimir_url or settings.loki_url):
        return None
    from plexsphere_reference.observability.parts import Observability

    return Observability.of(settings)


def _signer(settings: Settings) -> SignerClient | None:
    if settings.signer_endpoint is None:
        return None
    from plexsphere_reference.signer.client import SignerClient

    return SignerClient(settings.signer_endpoint)


def _openbao(settings: Settings) -> OpenBao | None:
    if settings.openbao_url is None or not settings.openbao_token:
        return None
    return OpenBao(settings.openbao_url, settings.openbao_token)


def _probes(
    settings: Settings,
    database: Database,
    authorizer: Authorizer,
    relay: Relay,
    openbao: OpenBao | None,
    blob_store: BlobStore | None,
) -> Probes:
    async def postgres() -> None:
        await database.fetch_one("SELECT 1 FROM plexsphere.schema_migrations")

    probes = [Probe("db-primary", postgres), Probe("spicedb", _schema_once(authorizer), latched=True)]
    if settings.nats_url:
        probes.append(Probe("jetstream", relay.probe, latched=True))
    if openbao is not None:
        probes.append(Probe("secretstore", openbao.check, latched=True))
    if blob_store is not None:
        probes.append(Probe("blobstore", blob_store.probe, latched=True))
    return Probes(*probes)


def _schema_once(authorizer: Authorizer) -> Check:
    """Write the schema on the first successful probe, as a new SpiceDB has none (runbook, startup); then only check."""
    check = authorizer.apply_schema

    async def apply_then_ask() -> None:
        nonlocal check
        await check()
        check = authorizer.ready

    return apply_then_ask
