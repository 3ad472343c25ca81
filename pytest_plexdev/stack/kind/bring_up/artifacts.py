"""Build the images and render the manifests of a bring-up, concurrently with its other steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from pytest_plexdev.core.cancellation import spawn
from pytest_plexdev.core.phases import Phases
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.credentials import Credentials
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.build_context import Content, read_content
from pytest_plexdev.stack.kind.images.overrides import provide_substitutes
from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions, sources_of
from pytest_plexdev.stack.kind.manifests.render import contents_of, render
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.state import fingerprint


class Artifacts:
    """The images and objects of a bring-up, built and rendered in threads.

    The fingerprint is computed first, so a later edit counts as drift. The inputs of our images are read once, for the
    fingerprint, the build and the annotation of the Pods: a file saved meanwhile is in all three or in none.

    Attributes:
        built: Whether our images had to be built.
        objects: The rendered objects, without the CustomResourceDefinitions.
        definitions: The CustomResourceDefinitions.
    """

    def __init__(
        self, settings: KindSettings, addresses: Addresses, phases: Phases, note: Callable[[str], None]
    ) -> None:
        content = read_content()
        self._files = fingerprint.of_files(settings, content)
        self._settings = settings
        self._substitutes = spawn(partial(provide_substitutes, settings.images, note))
        self.built: Future[bool] = spawn(partial(_timed, phases, "build", partial(build.build, note, content=content)))
        rendered = partial(self._render, addresses, content)
        self.objects: Future[list[KubeObject]] = spawn(partial(_timed, phases, "manifests", rendered))
        self.definitions: Future[list[KubeObject]] = spawn(partial(_timed, phases, "definitions", self._definitions))

    @property
    def all(self) -> tuple[Future[Any], ...]:
        return self.built, self.objects, self.definitions

    @property
    def fingerprint(self) -> Mapping[str, str]:
        """The hash of every input. Waits for the images of ``--plexdev-image``."""
        return {**self._files, **fingerprint.of_images(self._settings, self._substitutes.result())}

    def _definitions(self) -> list[KubeObject]:
        return custom_resource_definitions(sources_of(self._settings.profile))

    def _render(self, addresses: Addresses, content: Content) -> list[KubeObject]:
        settings = self._settings
        contents = {**contents_of(content), **self._substitutes.result()}
        # The warm cluster has the credentials of the runbook.
        credentials = Credentials.random() if settings.owner is not None else None
        return render(addresses, settings, contents=contents, credentials=credentials)


def _timed(phases: Phases, name: str, work: Callable[[], Any]) -> Any:
    with phases.phase(name):
        return work()
