"""Reset a running embedded stack and restart its servers. Its supervisor does that, as the parent of the servers."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.provider_parts import Changed
from pytest_plexdev.stack import uses
from pytest_plexdev.stack.embedded.control import request
from pytest_plexdev.stack.embedded.owner import is_warm
from pytest_plexdev.stack.embedded.supervisor.protocol import Change
from pytest_plexdev.stack.embedded.warm import exclusive

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.progress import Progress

_IN_MEMORY: Final = {"dex": "users", "spicedb": "relations", "openbao": "secrets"}
"""What servers do not keep."""
_SERVER_ENDS: Final = "a run skips its tests after a server has ended"


class EmbeddedChanges:
    """Implements :class:`pytest_plexdev.core.provider_parts.Changes`."""

    def __init__(self, info: StackInfo) -> None:
        self._info = info

    def services(self) -> Sequence[str]:
        """The servers: the services that have a process."""
        return [service.name for service in self._info.services if service.pid is not None]

    def reset(self, progress: Progress) -> Changed:
        """Start all servers again on a new copy of the template, as the bring-up did."""
        with self._alone():
            uses.refuse_used(self._info, "plexdev reset", why=uses.RESET_ENDS)
            return Changed(info=request(Change(), self._info.directory, progress))

    def restart(self, services: Sequence[str], progress: Progress) -> Changed:
        """Start servers again on the data that they had."""
        notes = [
            f"{name}: it stores {_IN_MEMORY[name]} in memory, so only the seeded ones are there"
            for name in services
            if name in _IN_MEMORY
        ]
        with self._alone():
            # A run takes the end of a server for its failure, and skips the tests after that.
            uses.refuse_used(self._info, shlex.join(["plexdev", "restart", *services]), why=_SERVER_ENDS)
            info = request(Change(services=tuple(services)), self._info.directory, progress)
        return Changed(info=info, notes=notes)

    def _alone(self) -> contextlib.AbstractContextManager[None]:
        """Keep `plexdev up` and attaching runs waiting meanwhile."""
        return exclusive(self._info.directory) if is_warm(self._info.directory) else contextlib.nullcontext()
