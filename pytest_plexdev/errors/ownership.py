"""Files and directories that may be somebody else's: nothing that they say is believed, nothing there is deleted."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.failure import Failure

UNTRUSTED_PATH: Final = Failure(
    tag="untrusted-path",
    what="{path} is not trusted: {reason}",
    why="another user may have written it, and what it says would be done as you",
    fix="look at it: ls -ld {quoted}; then {mend}",
)
