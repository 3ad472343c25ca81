"""Run independent probes concurrently within a budget of seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pytest_plexdev.doctor.facts import Unknown
from pytest_plexdev.errors import PlexdevError

Probe: TypeAlias = Callable[[], Any]


def run_all(probes: Mapping[str, Probe], *, seconds: float) -> dict[str, Any]:
    """Run the probes and return their answers; an ``Unknown`` for a probe that failed or timed out.

    The threads are daemons, so a server that never answers does not delay the end of the process.
    """
    answers: dict[str, Any] = {}
    threads = [
        threading.Thread(target=_keep, args=(answers, name, probe), name=f"doctor-{name}", daemon=True)
        for name, probe in probes.items()
    ]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Unknown(f"no answer within {seconds:g} s")
    return {name: answers.get(name, late) for name in probes}


def _keep(answers: dict[str, Any], name: str, probe: Probe) -> None:
    try:
        answers[name] = probe()
    except PlexdevError as error:
        last_line = error.detail.splitlines()[-1:]
        answers[name] = Unknown(": ".join([error.what, *last_line]))
    except Exception as error:
        # Any failure is reported, and the other probes continue.
        answers[name] = Unknown(f"{type(error).__name__}: {error}")
