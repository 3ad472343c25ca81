"""The files of one cluster: its kubeconfig, and the note that it is being created."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.lock import own, seize
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.private_files import make_private_directory, read_note, write_private
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.core.tool_output import yaml_lines_of
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import KUBECONFIG_UNUSABLE
from pytest_plexdev.kube import Access, read_access
from pytest_plexdev.stack.kind.constants import CLUSTER_FILES, context_of

_PATIENCE: Final = 30.0


@dataclass(frozen=True)
class Creation:
    """The note of a cluster that is being created."""

    cluster: str
    creator: ProcessId
    began: float


class ClusterFiles:
    """The files of one cluster in *directory*: its kubeconfig, and the note of its creation."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self._note = directory / "creating.json"

    @property
    def home(self) -> str:
        """The value of the label ``HOME_LABEL`` on the node of a cluster that was created here."""
        return hashlib.sha256(bytes(self.directory.resolve())).hexdigest()[:16]

    def access(self) -> Access | None:
        """Read the access from our own kubeconfig; ``None`` without that file."""
        return read_access(self.kubeconfig, context_of(self.name))

    def usable_access(self) -> Access | None:
        """Like :meth:`access`, but also ``None`` if our own kubeconfig is damaged: kind can write it again."""
        try:
            access = self.access()
            if access is not None:
                access.tls()
        except PlexdevError as error:
            if error.failure is not KUBECONFIG_UNUSABLE:
                raise
            return None
        return access

    def fetch_access(self) -> Access:
        """Write our own copy of the kubeconfig that kind prints.

        Raises:
            PlexdevError: ``command-failed``; ``kubeconfig-unusable``: it has no such context.
        """
        # Lazy: attaching reads a file only.
        from pytest_plexdev.stack.kind.cluster.docker_engine import kind_environment

        printed = run(
            ["kind", "get", "kubeconfig", "--name", self.name],
            timeout=_PATIENCE,
            purpose="to reach the cluster",
            environment=kind_environment(),
        )
        make_private_directory(self.directory)
        write_private(self.kubeconfig, yaml_lines_of(printed.stdout).encode())
        access = self.access()
        if access is None:
            reason = "kind wrote another one"
            raise PlexdevError(KUBECONFIG_UNUSABLE, path=self.kubeconfig, context=context_of(self.name), reason=reason)
        return access

    @contextlib.contextmanager
    def creating(self) -> Iterator[None]:
        """Write a note for the time of the creation. It stays if the creation fails or this process is killed."""
        me = ProcessId.of(os.getpid())
        note = {"cluster": self.name, "pid": me.pid, "started": me.started, "began": time.time()}
        make_private_directory(self.directory)
        write_private(self._note, json.dumps(note).encode())
        yield
        self.forget_creation()

    def creation(self) -> Creation | None:
        """Read the note of a creation that was begun and not completed."""
        note = read_note(self._note) or {}
        with contextlib.suppress(ValueError):
            cluster, began = note.get("cluster"), note.get("began")
            if isinstance(cluster, str) and isinstance(began, (int, float)):
                return Creation(cluster, ProcessId.noted(note), began)
        return None

    def forget_creation(self) -> None:
        self._note.unlink(missing_ok=True)

    def mark(self) -> None:
        """Create the directory and mark it as a cluster's. :meth:`remove` removes only what has that mark.

        Raises:
            PlexdevError: ``untrusted-path``; ``owned-elsewhere``: another cluster's reaper has it.
            OSError: The directory cannot be created.
        """
        make_private_directory(self.directory)
        own(self.directory, Mark.of_this_process("cluster", self.name)).release()

    def remove(self) -> list[str]:
        """Remove the files of a deleted cluster, unless a process owns the directory or it has no mark.

        Returns:
            The names of files that are not the cluster's. They stay.

        Raises:
            PlexdevError: ``untrusted-path``.
        """
        held = seize(self.directory, "cluster")
        return held.remove(*CLUSTER_FILES) if held is not None else []
