"""Run a program whose standard output is a terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Final

_PATIENCE_S: Final = 60.0


def on_a_terminal(command: Sequence[str], *, until: Sequence[str] = (), **environment: str) -> str:
    """Return what a program prints on a terminal.

    Args:
        until: Interrupt the program once it has printed these texts, one after the other, and return what follows
            them; without any, let it end.
        environment: Variables in addition to this process's, from which ``NO_COLOR`` is removed.
    """
    controller, terminal = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(command, stdout=terminal, env={**inherited, "TERM": "xterm", **environment}) as running:
        os.close(terminal)
        printed, wanted, deadline = "", list(until), time.monotonic() + _PATIENCE_S
        while chunk := _read(controller):
            printed += chunk
            while wanted and wanted[0] in printed:
                printed = printed.partition(wanted.pop(0))[2]
            if until and not wanted:
                running.send_signal(signal.SIGINT)
                until = ()
            assert time.monotonic() < deadline, printed
    os.close(controller)
    assert wanted == [], printed
    return printed


def _read(descriptor: int) -> str:
    try:
        return os.read(descriptor, 65536).decode()
    except OSError:  # Linux: the program closed the terminal
        return ""
