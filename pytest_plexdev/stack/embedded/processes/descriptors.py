"""Close the file descriptors that a fork must not keep."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

_STANDARD_STREAMS: Final = 3


def close_all_but(kept: Sequence[int]) -> None:
    """Close all descriptors but the standard streams and *kept*, for example the locks of a stack's directories."""
    begin = _STANDARD_STREAMS
    for descriptor in sorted(kept):
        os.closerange(begin, descriptor)
        begin = descriptor + 1
    os.closerange(begin, os.sysconf("SC_OPEN_MAX"))
