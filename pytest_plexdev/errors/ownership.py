"""Failures about files and directories that may belong to another user, which are never trusted or deleted."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

UNTRUSTED_PATH: Final = Failure(
    tag="untrusted-path",
    what="{path} is not trusted: {reason}",
    why="another user may have written it, and plexdev would act on its content as you",
    fix="check it: ls -ld {quoted}; then {remedy}",
)
OWNED_ELSEWHERE: Final = Failure(
    tag="owned-elsewhere",
    what="{what} in {directory} is running, but no process that is visible here owns it",
    why="its lock is held, so it is not deleted; {owner}",
    fix="stop it where it runs: {command}; or use another directory here: {instead}",
)
DIRECTORY_TAKEN: Final = Failure(
    tag="directory-taken",
    what="{path} has files that plexdev did not create: {names}",
    why="a stack deletes its directory when it ends, so it uses only a new directory or one that plexdev created",
    fix="move them away, or choose another state directory: PLEXDEV_STATE_DIR=/some/directory",
)
UNDELETABLE: Final = Failure(
    tag="undeletable",
    what="{path} could not be deleted: {reason}",
    why="the operating system refused it; the stack in {directory} has ended, and everything else of it is deleted",
    fix="find the reason: ls -ld {quoted}; lsattr -d {quoted} (chattr -i clears the flag); then rm -r "
    "{directory_quoted}",
)
STATE_DAMAGED: Final = Failure(
    tag="state-damaged",
    what="{path} is not in the format that plexdev writes: {reason}",
    why="it was edited, or truncated by a full disk; nothing in it is used",
    fix="{fix}",
)
