"""Failures of reading and writing secrets in OpenBao."""

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
