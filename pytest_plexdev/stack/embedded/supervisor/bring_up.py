"""Start every server as early as its dependencies allow, and wait for each in its own protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from pytest_plexdev.core.model import Service, Verdict
from pytest_plexdev.core.phases import Phases
from pytest_plexdev.core.port_reservation import HeldPort
from pytest_plexdev.core.progress import ProgressEvent, VerdictChanged
from pytest_plexdev.errors import SERVER_EXITED, PlexdevError
from pytest_plexdev.stack.embedded import probes
from pytest_plexdev.stack.embedded.addresses import ServerAddresses
from pytest_plexdev.stack.embedded.probes import Probe, until_ready
from pytest_plexdev.stack.embedded.processes.child import Child, Command
from pytest_plexdev.stack.embedded.processes.process_group import ProcessGroup
from pytest_plexdev.stack.embedded.servers import control_plane, nats, spicedb
from pytest_plexdev.stack.embedded.servers import dex as identity_provider
from pytest_plexdev.stack.embedded.supervisor.further import further_parts, further_programs
from pytest_plexdev.stack.embedded.supervisor.own_port import listener_of, until_own_port_ready
from pytest_plexdev.stack.embedded.supervisor.plan import EarlyChildren, Plan
from pytest_plexdev.stack.embedded.supervisor.postgres import start_on_data, start_on_template

_Part: TypeAlias = Callable[[], Coroutine[None, None, None]]

_REFERENCE = "reference"
_PRODUCT = "plexsphere:dev"


@dataclass
class BringUp:
    """One bring-up. It adds to ``services`` and ``phases``.

    Attributes:
        early: Children that run already.
        emit: Receives the events.
        views: The addresses as a server sees them that listens elsewhere than its clients know.
        api_probe: The path that shows that the API is ready; another one while a test has broken what it needs.
        may_start_clients: Set once Postgres has started, or starts soon.
    """

    plan: Plan
    processes: ProcessGroup
    early: EarlyChildren
    emit: Callable[[ProgressEvent], None]
    phases: Phases
    services: dict[str, Service] = field(default_factory=dict)
    views: Mapping[str, ServerAddresses] = field(default_factory=dict)
    api_probe: str = "/readyz"
    may_start_clients: asyncio.Event = field(default_factory=asyncio.Event)
    _spicedb_ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Start all servers and return when all are ready. The seed manifest has been written.

        Raises:
            PlexdevError: The first failure; the other waits were cancelled.
        """
        parts: dict[str, _Part] = {
            "postgres": partial(start_on_template, self),
            **self._servers(),
            **further_programs(self),
        }
        await _run_all([*(start() for start in parts.values()), self._bootstrap()])

    async def start_again(self, names: Collection[str]) -> None:
        """Start servers of a running stack, which have ended, on the data that they had.

        Args:
            names: Of servers of the plan.

        Raises:
            PlexdevError: The first failure.
        """
        self.may_start_clients.set()
        self._spicedb_ready.set()
        parts: dict[str, _Part] = {"postgres": partial(start_on_data, self), **self._servers()}
        await _run_all([parts[name]() for name in names])
        if "spicedb" in names:
            # It stores its tuples in memory.
            await self._bootstrap()

    def _servers(self) -> dict[str, _Part]:
        """The servers other than Postgres: how to start each and wait until it is ready."""
        return {
            "nats": self._nats,
            "dex": self._dex,
            "spicedb": self._spicedb,
            control_plane.SIGNER: self._signer,
            control_plane.API: self._api,
            **further_parts(self),
        }

    async def _nats(self) -> None:
        addresses = self.addresses_of("nats")
        command = nats.serve(self.plan.settings.programs, self.plan.layout, addresses)
        probe = probes.nats(addresses.nats_url)
        with self.phases.phase("nats"):
            child = self._start("nats", command)
            await self.wait_until_ready("nats", child, probe, probe_name="a PING", at=addresses.nats)

    async def _dex(self) -> None:
        addresses = self.addresses_of("dex")
        dex, idp = self.plan.dex, addresses.idp
        command = identity_provider.serve(dex, self.plan.settings, self.plan.layout, addresses)
        probe = probes.http(idp.number, "/dex/.well-known/openid-configuration")
        with self.phases.phase("dex"):
            child = self._start("dex", command)
            if dex is None:
                idp.hand_over()
            await self.wait_until_ready(
                "dex",
                child,
                probe,
                probe_name="the request for its discovery document",
                at=idp,
                version=dex.version if dex else "stand-in",
                stands_in_for=None if dex else identity_provider.STANDS_IN_FOR,
            )

    async def _spicedb(self) -> None:
        addresses = self.addresses_of("spicedb")
        program, port = self.plan.spicedb, addresses.spicedb
        if program is None or port is None:
            self.services["spicedb"] = Service(
                name="spicedb", version="the schema over Postgres", stands_in_for=spicedb.STANDS_IN_FOR
            )
        else:
            child = self._start("spicedb", spicedb.serve(program, self.plan.layout, addresses))
            with self.phases.phase("spicedb"):
                version = await self._spicedb_version(program)
                probe = probes.grpc(f"127.0.0.1:{port.number}")
                await self.wait_until_ready("spicedb", child, probe, probe_name="over gRPC", version=version, at=port)
        self._spicedb_ready.set()

    async def _spicedb_version(self, program: str) -> str:
        command = spicedb.version_command(program, self.plan.layout)
        await self.processes.run("spicedb-version", command)
        return spicedb.parse_version(command.log.read_text(encoding="utf-8", errors="replace"))

    async def _signer(self) -> None:
        await self.may_start_clients.wait()
        addresses = self.addresses_of(control_plane.SIGNER)
        command = control_plane.signer(self.plan.settings.programs, self.plan.layout, addresses)
        probe = probes.grpc(addresses.signer_endpoint)
        with self.phases.phase(control_plane.SIGNER):
            await self.wait_until_ready(
                control_plane.SIGNER,
                self._start(control_plane.SIGNER, command),
                probe,
                probe_name="over gRPC",
                version=_REFERENCE,
                stands_in_for=_PRODUCT,
            )

    async def _api(self) -> None:
        child = self.early.api
        addresses = self.addresses_of(control_plane.API)
        if child is None:
            await self.may_start_clients.wait()
        with self.phases.phase(control_plane.API):
            if child is None:
                command = control_plane.api(self.plan.settings.programs, self.plan.layout, addresses)
                child = self._start(control_plane.API, command)
                addresses.api.hand_over()
            await self.wait_until_ready(
                control_plane.API,
                child,
                probes.http(addresses.api.number, self.api_probe),
                probe_name=f"GET {self.api_probe} with 200",
                version=_REFERENCE,
                stands_in_for=_PRODUCT,
            )

    async def _bootstrap(self) -> None:
        # The program itself waits for Postgres, but not for SpiceDB.
        await self.may_start_clients.wait()
        await self._spicedb_ready.wait()
        command = control_plane.bootstrap(self.plan.settings.programs, self.plan.layout, self.plan.addresses)
        with self.phases.phase(control_plane.BOOTSTRAP):
            await self.processes.run(control_plane.BOOTSTRAP, command)
        self.services[control_plane.BOOTSTRAP] = Service(
            name=control_plane.BOOTSTRAP, version=_REFERENCE, stands_in_for=_PRODUCT, log=command.log
        )

    def addresses_of(self, name: str) -> ServerAddresses:
        """The addresses of the stack as this server sees them."""
        return self.views.get(name, self.plan.addresses)

    def _start(self, name: str, command: Command) -> Child:
        return self.processes.start(name, command)

    async def wait_until_ready(
        self,
        name: str,
        child: Child,
        probe: Probe,
        *,
        probe_name: str,
        at: HeldPort | None = None,
        version: str = "",
        stands_in_for: str | None = None,
    ) -> str:
        """Wait until *child* answers *probe*, add it to ``services``, and return the version that the probe reports."""
        warn = partial(self._emit_waiting, name)
        ready = until_ready(probe) if at is None else until_own_port_ready(at, child, probe, warn)
        try:
            reported_version = await self.processes.until(child, ready, probe=probe_name)
        except PlexdevError as error:
            if at is not None and error.failure is SERVER_EXITED and listener_of(at.number, child) == "other":
                raise at.taken(detail=error.detail) from None
            raise
        self.services[name] = Service(
            name=name, version=version or reported_version, stands_in_for=stands_in_for, pid=child.pid, log=child.log
        )
        self.emit(VerdictChanged(verdict=Verdict(name=name, state="ready")))
        return reported_version

    def note(self, text: str) -> None:
        """Report a message of the template."""
        self._emit_waiting("template", text)

    def _emit_waiting(self, name: str, reason: str) -> None:
        self.emit(VerdictChanged(verdict=Verdict(name=name, state="waiting", reason=reason)))


async def _run_all(parts: Iterable[Coroutine[None, None, None]]) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            for part in parts:
                tasks.create_task(part)
    except BaseExceptionGroup as group:
        expected, unexpected = group.split(PlexdevError)
        if expected is not None:
            raise _first_error(expected) from None
        raise unexpected or group from None


def _first_error(group: BaseExceptionGroup[PlexdevError]) -> PlexdevError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, PlexdevError)
    return error
