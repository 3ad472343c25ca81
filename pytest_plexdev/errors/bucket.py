"""Failures of reading and writing objects in SeaweedFS."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

SEAWEEDFS_FAILED: Final = Failure(
    tag="seaweedfs-failed",
    what="SeaweedFS at {url} could not {verb} {what}: {reason}",
    why="{why}",
    fix="read {log}",
)
OBJECT_MISSING: Final = Failure(
    tag="object-missing",
    what="the bucket {bucket} has no object {key}",
    why="none was put there, or it was deleted; the bucket has {keys}",
    fix="put it with plexdev_bucket.put(...); plexdev_bucket.list() shows every key",
)
