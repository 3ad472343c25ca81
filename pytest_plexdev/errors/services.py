"""Failures of the services of the profile ``full``: OpenBao, SeaweedFS, and telemetry that does not arrive."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

OPENBAO_FAILED: Final = Failure(
    tag="openbao-failed",
    what="OpenBao at {url} could not {verb} {path}: {reason}",
    why="{why}",
    fix="read {log}",
)
SECRET_MISSING: Final = Failure(
    tag="secret-missing",
    what="OpenBao has no secret at {path}",
    why="none was written there, or it was deleted; {siblings}",
    fix="write it with plexdev_secrets.write(...); a path that begins with / is one of the whole engine",
)
SECRET_PATH_INVALID: Final = Failure(
    tag="secret-path-invalid",
    what="{path!r} is no path of a secret",
    why="a segment of a path is neither empty nor . or ..: a client would change it into another path",
    fix="use names joined by /; a path that begins with / is one of the whole engine",
)
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
QUERY_RESULT: Final = Failure(
    tag="query-result",
    what="the query {expression} returns a {result}, not {wanted}",
    why="{method} makes one object of each {each}",
    fix="for other results use client.observability, which returns the backend's answer",
)
NO_TELEMETRY: Final = Failure(
    tag="no-telemetry",
    what="no {kind} of {expression} was there within {seconds:.1f} s",
    why="the Domain {domain} {seen}; {backlog}",
    fix="read {log}: the forwarder logs there what a backend refuses, and which backend takes nothing",
)
