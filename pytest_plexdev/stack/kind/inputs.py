"""What a bring-up applies: rendered, hydrated and built beside everything else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from pytest_plexdev.kube.client import Object
from pytest_plexdev.stack.kind import fingerprint, images, manifests
from pytest_plexdev.stack.kind.beside import beside
from pytest_plexdev.stack.kind.phases import Phases
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.vendor import custom_resource_definitions


class Inputs:
    """What is applied: made beside everything else. The fingerprint is taken first: a later edit is drift."""

    def __init__(
        self, settings: KindSettings, addresses: Addresses, phases: Phases, note: Callable[[str], None]
    ) -> None:
        self.fingerprint = fingerprint.current(settings)
        self.built: Future[bool] = beside(partial(_timed, phases, "build", partial(images.build, note)))
        rendered = partial(manifests.render, addresses, settings.images, settings.overlay, settings.seed)
        self.objects: Future[list[Object]] = beside(partial(_timed, phases, "manifests", rendered))
        self.definitions: Future[list[Object]] = beside(
            partial(_timed, phases, "definitions", custom_resource_definitions)
        )

    @property
    def all(self) -> tuple[Future[Any], ...]:
        return self.built, self.objects, self.definitions


def _timed(phases: Phases, name: str, work: Callable[[], Any]) -> Any:
    with phases.phase(name):
        return work()
