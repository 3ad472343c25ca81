"""Load images onto the node; onto a new node while its control plane still starts."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from typing import Any, Final

from pytest_plexdev.core.phases import Phases
from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.node_readiness import has_containerd
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.digests import refuse_changed
from pytest_plexdev.stack.kind.images.local import Note, local_images, provide
from pytest_plexdev.stack.kind.images.pins import deployed, override, read_pins, references
from pytest_plexdev.stack.kind.settings import KindSettings

_POLL_S: Final = 0.3
"""Seconds between two attempts: Docker reports the node's container, not what runs in it."""


class ImageLoader:
    """Loads the images of one bring-up."""

    def __init__(self, settings: KindSettings, phases: Phases, note: Note) -> None:
        self._cluster = settings.name
        self._phases = phases
        self._note = note
        self._pins = override(deployed(read_pins(), settings.profile), settings.images)
        chosen = references(settings.images)
        self._ours = [chosen.get(image, image) for image in build.OUR_IMAGES]

    def loads_any_of(self, names: AbstractSet[str]) -> bool:
        """Whether one of *names* is an image that plexdev loads onto a node."""
        return not names.isdisjoint(self._ours)

    def load_during_creation(self, made: Future[Any], built: Future[Any]) -> bool:
        """Load as soon as a node that is being created accepts images, long before its control plane is up.

        Raises:
            PlexdevError: What :meth:`load` raises; the errors of *made* and *built*.
        """
        built.result()
        try:
            return self._load_prepared_archive(made)
        except PlexdevError:
            # A node that is being created may refuse images that it accepts once it is complete.
            made.result()
            self.load_pins()
            return self.load()

    def _load_prepared_archive(self, made: Future[Any]) -> bool:
        """Write the archive before the node exists: a new node has none of our images."""
        with build.saved(self._ours) as archive:
            poll(lambda: made.done() or has_containerd(self._cluster), every_s=_POLL_S)
            if made.done():
                made.result()  # raises if there is no node to load onto
            with self._phases.phase("load"):
                build.put(self._cluster, archive)
                self.load_pins()
        return True

    def load_pins(self) -> None:
        """Load the third-party images that the node lacks: Pods that start earlier would pull them, with back-off.

        Raises:
            PlexdevError: ``image-missing``, ``image-changed``, or an error of docker or kind.
        """
        # A new cluster has them in its node image. An existing one may lack those of a changed pin or another profile.
        lacking = [pin.reference for pin in build.missing_on_node(self._cluster, self._pins)]
        if lacking:
            provide(lacking, self._note)
            refuse_changed(self._pins, local_images())
            build.load(self._cluster, lacking, self._note)

    def load(self) -> bool:
        """Load our images if the node lacks them; return whether any were missing.

        Raises:
            PlexdevError: ``image-missing``, ``image-changed``, or an error of docker or kind.
        """
        with self._phases.phase("load"):
            return build.load(self._cluster, self._ours, self._note)
