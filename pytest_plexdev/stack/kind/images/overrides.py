"""The images of ``--plexdev-image``, whose tags may be rebuilt at any time."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.options import OPTIONS, OptionError, Settings
from pytest_plexdev.stack.kind.images.build import OUR_IMAGES
from pytest_plexdev.stack.kind.images.local import Note, local_images, provide, silent
from pytest_plexdev.stack.kind.images.pins import PLEXD, read_pins, replaceable


def substitutes(images: Mapping[str, str]) -> list[str]:
    """The distinct references in *images*. Unknown names were rejected when the options were parsed."""
    return sorted(set(images.values()))


def provide_substitutes(images: Mapping[str, str], note: Note = silent) -> Mapping[str, str]:
    """Pull missing images; return the id of each by its reference.

    Raises:
        PlexdevError: ``image-missing``, or Docker cannot be used.
    """
    wanted = substitutes(images)
    # Our own image under its own name is built, by the bring-up.
    theirs = [reference for reference in wanted if reference not in OUR_IMAGES]
    return provide(theirs, note) if theirs else {}


def identities(images: Mapping[str, str]) -> Mapping[str, str]:
    """Read their ids from the engine, without a pull; empty if Docker cannot be used."""
    wanted = [reference for reference in substitutes(images) if reference not in OUR_IMAGES]
    if not wanted:
        return {}
    try:
        here = local_images()
    except PlexdevError:
        return {}
    return {reference: identity for reference in wanted if (identity := here.id_of(reference)) is not None}


def refuse_unknown_images(settings: Settings) -> None:
    """Refuse to replace an image that no stack on a cluster has.

    Raises:
        OptionError: ``--plexdev-image`` has such a name; the text lists the valid ones.
    """
    may_be_a_cluster = settings.dev_stack and settings.chosen_stack is None
    if not settings.images or (settings.stack == "embedded" and not may_be_a_cluster):
        return
    right = replaceable(read_pins())
    if settings.sources["images"] != "command line":
        # A variable or an ini file is also read by `plexdev up plexd`.
        right = sorted([*right, PLEXD])
    option = next(option for option in OPTIONS if option.name == "images")
    for name, reference in settings.images.items():
        if name not in right:
            given = f"{option.name_in(settings.sources['images'])}={name}={reference}"
            raise OptionError(f"{given}: NAME must be one of {', '.join(right)}")
