"""Helpers for stacks on real clusters."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.progress import PhaseBegan, ProgressEvent, VerdictChanged
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import NODE, SECRET
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.stack.kind.settings import KindSettings, fresh_name
from tests.support.clusters import NODE_IMAGE


class ProgressRecorder:
    """Records the progress; *on_phase* is called when a phase begins."""

    def __init__(self, on_phase: Callable[[str], None] = lambda _: None) -> None:
        self.events: list[ProgressEvent] = []
        self._on_phase = on_phase

    def __call__(self, event: ProgressEvent) -> None:
        self.events.append(event)
        if isinstance(event, PhaseBegan):
            self._on_phase(event.name)

    @property
    def phases(self) -> list[str]:
        return [event.name for event in self.events if isinstance(event, PhaseBegan)]

    @property
    def verdicts(self) -> list[Verdict]:
        return [event.verdict for event in self.events if isinstance(event, VerdictChanged)]


def fresh_settings(run_directory: Path, *, owner: ProcessId | None = None) -> KindSettings:
    """The settings of a test run."""
    return KindSettings(
        name=fresh_name(run_directory),
        owner=owner or ProcessId.of(os.getpid()),
        api_port=0,
        idp_port=0,
        kind_image=NODE_IMAGE,
        run_directory=run_directory,
        timeout=400.0,
    )


@contextlib.contextmanager
def relabelled(client: KubeClient, node: str, labels: Mapping[str, str]) -> Iterator[None]:
    """Set other labels on the node until the block ends."""

    def say(labels: Mapping[str, str]) -> None:
        client.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": dict(labels)}})

    found = client.get(NODE, node)
    assert found is not None
    before = {name: value for name, value in found["metadata"]["labels"].items() if name in labels}
    say(labels)
    try:
        yield
    finally:
        say(before)


def clusters() -> set[str]:
    result = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


@contextlib.contextmanager
def replaced_secret(client: KubeClient, name: str, key: str, value: str) -> Iterator[None]:
    """Set another value in a Secret of the stack until the block ends. Programs read it when they start."""
    secret = client.get(SECRET, name, NAMESPACE)
    assert secret is not None
    metadata = {"name": name, "namespace": NAMESPACE}
    encoded = base64.b64encode(value.encode()).decode()
    client.apply({**secret, "metadata": metadata, "data": {**secret["data"], key: encoded}})
    try:
        yield
    finally:
        client.apply({**secret, "metadata": metadata})
