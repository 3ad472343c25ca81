"""Failures about files and directories that may belong to somebody else, which are never trusted or deleted."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.errors.base import Failure

UNTRUSTED_PATH: Final = Failure(
    tag="untrusted-path",
    what="{path} is not trusted: {reason}",
    why="another user may have written it, and what it says would be done as you",
    fix="look at it: ls -ld {quoted}; then {mend}",
)
OWNED_ELSEWHERE: Final = Failure(
    tag="owned-elsewhere",
    what="{what} in {directory} is running, and no process that is visible here owns it",
    why="its lock is held, so it is not deleted; {owner}",
    fix="end it where it runs: {command}; or use another directory here: {instead}",
)
DIRECTORY_TAKEN: Final = Failure(
    tag="directory-taken",
    what="{path} has files that plexdev did not put there: {names}",
    why="a stack keeps its files there and deletes them at its end, so it takes a new directory or one of its own",
    fix="move them away, or choose another state directory: PLEXDEV_STATE_DIR=/some/directory",
)
UNDELETABLE: Final = Failure(
    tag="undeletable",
    what="{path} could not be deleted: {reason}",
    why="the operating system refused it; what used {directory} has ended, and everything else of it is deleted",
    fix="see what keeps it: ls -ld {quoted}; lsattr -d {quoted} (chattr -i frees it); then rm -r {directory_quoted}",
)
STATE_DAMAGED: Final = Failure(
    tag="state-damaged",
    what="{path} is not what plexdev writes there: {reason}",
    why="it was edited, or a disk that was full cut it short; nothing that it says is believed",
    fix="{fix}",
)
