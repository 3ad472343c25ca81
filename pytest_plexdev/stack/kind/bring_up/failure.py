"""Attach the caller's diagnosis to a bring-up error."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT, DRIFTED, FOREIGN_CLUSTER, NOT_LOOPBACK
from pytest_plexdev.errors.node import ENGINE_ELSEWHERE, LOOPBACK_ELSEWHERE, NODE_NAME_TAKEN, NODE_UNMARKED
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
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
"""Nothing failed: a look at a cluster that is not ours to look at, or not to be reached, would explain nothing."""
_KEEPING: Final = "pytest --plexdev-stack=kind --plexdev-keep=on-failure leaves the cluster there, to be looked at"


@contextlib.contextmanager
def with_diagnosis(settings: KindSettings, place: ClusterFiles) -> Iterator[None]:
    """While the cluster is as the failure left it, have the caller's ``settings.explain`` make its error of it."""
    try:
        yield
    except PlexdevError as error:
        if error.failure in _REFUSALS:
            raise
        raise settings.explain(error, place.usable_access()) from None


def as_kept(error: PlexdevError, place: ClusterFiles) -> PlexdevError:
    """The failure of a run's own cluster that stays: its commands work, and there are two more."""
    option = f"--directory {shlex.quote(str(place.directory))}"
    kept = f"the cluster is kept (--plexdev-keep): look at it with: plexdev status {option}"
    detail = "\n".join(part for part in (error.detail, kept, f"end it with: plexdev down {option}") if part)
    changed = error.changed(detail=detail)
    return changed.changed(fix=f"plexdev status {option}") if error.failure is API_SILENT else changed


def as_gone(error: PlexdevError, place: ClusterFiles) -> PlexdevError:
    """The failure of a run's own cluster that is deleted: no command in it needs that cluster any more."""
    advice = [replace(each, command=_KEEPING) if each.needs_cluster else each for each in error.advice]
    fix = str(error.facts.get("fix", ""))
    # A fix may be any command of any part; one that names the cluster or its files fails now.
    needs_cluster = any(each in fix for each in (place.name, str(place.directory), "plexdev status"))
    changed = error.changed(fix=_KEEPING) if needs_cluster else error
    return changed.with_advice(advice)
