"""Load images onto the node; onto a new node while its control plane still starts."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from concurrent.futures import Future, wait
from typing import Any, Final

from pytest_plexdev.core.phases import Phases
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.node_readiness import wait_for_containerd
from pytest_plexdev.stack.kind.images import build
from pytest_plexdev.stack.kind.images.digests import refuse_changed
from pytest_plexdev.stack.kind.images.local import Note, local_images, provide
from pytest_plexdev.stack.kind.images.pins import override, read_pins, references
from pytest_plexdev.stack.kind.settings import KindSettings

_LOOK_AGAIN: Final = 0.3
"""Seconds between two looks at a node that is being made: Docker tells of its container, not of what runs in it."""


class ImageLoader:
    """The images of one bring-up."""

    def __init__(self, settings: KindSettings, phases: Phases, note: Note) -> None:
        self._cluster = settings.name
        self._phases = phases
        self._note = note
        self._pins = override(read_pins(), settings.images)
        chosen = references(settings.images)
        self._ours = [chosen.get(image, image) for image in build.OUR_IMAGES]

    def is_ours(self, names: AbstractSet[str]) -> bool:
        """Whether one of them is an image that a node gets from us."""
        return not names.isdisjoint(self._ours)

    def early(self, made: Future[Any], built: Future[Any]) -> bool:
        """Load as soon as a node that is being made takes images: long before its control plane is up.

        Raises:
            PlexdevError: What :meth:`now` raises, and why there is nothing to load or no node.
        """
        built.result()
        try:
            return self._ahead(made)
        except PlexdevError:
            # A node that is being made may refuse what it takes once it is whole.
            made.result()
            return self.now()

    def _ahead(self, made: Future[Any]) -> bool:
        """A new node has none of ours, so their archive is made while there is no node yet."""
        with build.saved(self._ours) as archive:
            while not made.done() and not wait_for_containerd(self._cluster):
                wait([made], timeout=_LOOK_AGAIN)
            with self._phases.phase("load"):
                build.put(self._cluster, archive)
                self._load()
        return True

    def now(self) -> bool:
        """Load what the node has not; whether there was anything.

        Raises:
            PlexdevError: ``image-missing``, ``image-changed``, or what docker and kind say.
        """
        with self._phases.phase("load"):
            return self._load()

    def _load(self) -> bool:
        # A new cluster has the others in its node's image; one that is there may lack what a pin changed to.
        lacking = [pin.reference for pin in build.missing_on_node(self._cluster, self._pins)]
        if lacking:
            provide(lacking, self._note)
            refuse_changed(self._pins, local_images())
        return build.load(self._cluster, [*self._ours, *lacking], self._note)
