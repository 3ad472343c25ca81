"""Attach the caller's diagnosis to a bring-up error."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT, DRIFTED, FOREIGN_CLUSTER, IMAGE_MISSING, NOT_LOOPBACK
from pytest_plexdev.errors.node import ENGINE_ELSEWHERE, LOOPBACK_ELSEWHERE, NODE_NAME_TAKEN, NODE_UNMARKED
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.images.pins import read_pins
from pytest_plexdev.stack.kind.settings import KindSettings

_REFUSALS: Final = (
    DRIFTED,
    FOREIGN_CLUSTER,
    NOT_LOOPBACK,
    NODE_UNMARKED,
    NODE_NAME_TAKEN,
    ENGINE_ELSEWHERE,
    LOOPBACK_ELSEWHERE,
)
"""Refusals. Nothing failed on the cluster, which is not ours or not reachable, so a diagnosis would explain nothing."""
_KEEPING: Final = "pytest --plexdev-stack=kind --plexdev-keep=on-failure keeps the cluster for inspection"


@contextlib.contextmanager
def with_diagnosis(settings: KindSettings, files: ClusterFiles) -> Iterator[None]:
    """Pass an error of the body to ``settings.explain`` and raise the result, before the cluster is cleaned up."""
    try:
        yield
    except PlexdevError as error:
        if error.failure in _REFUSALS:
            raise
        raise settings.explain(_with_lean(error, settings), files.usable_access()) from None


def _with_lean(error: PlexdevError, settings: KindSettings) -> PlexdevError:
    """Name the smaller profile in the error of an image that only the larger one needs."""
    if error.failure is not IMAGE_MISSING:
        return error
    further = {pin.reference for pin in read_pins().values() if pin.profile == "full"}
    if error.facts["reference"] not in further:
        return error
    lean = "plexdev up --stack kind --profile lean" if settings.owner is None else "--plexdev-profile=lean"
    return error.changed(fix=f"{error.facts['fix']}; without the services of the profile full: {lean}")


def as_kept(error: PlexdevError, files: ClusterFiles) -> PlexdevError:
    """Add the commands that show and stop the kept cluster to the error of its bring-up."""
    option = f"--directory {shlex.quote(str(files.directory))}"
    kept = f"the cluster is kept (--plexdev-keep); inspect it with: plexdev status {option}"
    detail = "\n".join(part for part in (error.detail, kept, f"stop it with: plexdev down {option}") if part)
    changed = error.changed(detail=detail)
    return changed.changed(fix=f"plexdev status {option}") if error.failure is API_SILENT else changed


def as_gone(error: PlexdevError, files: ClusterFiles) -> PlexdevError:
    """Replace the commands in a bring-up's error that need its cluster, which is deleted."""
    advice = [replace(each, command=_KEEPING) if each.needs_cluster else each for each in error.advice]
    fix = str(error.facts.get("fix", ""))
    # A fix can be any command. One that names the cluster or its files would fail now.
    needs_cluster = any(each in fix for each in (files.name, str(files.directory), "plexdev status"))
    changed = error.changed(fix=_KEEPING) if needs_cluster else error
    return changed.with_advice(advice)
