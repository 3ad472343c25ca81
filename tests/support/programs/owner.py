"""A process that owns a stack, for tests that end it: prints an event a line, then ``THE STACK IS UP``, then waits."""

# ruff: noqa: T201
from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded import EmbeddedProvider
from pytest_plexdev.stack.embedded.settings import SupervisorInput


def main() -> None:
    supervisor_input = SupervisorInput.decode(json.dumps(json.load(sys.stdin)).encode())
    owner = ProcessId.of(os.getpid())
    settings = (
        supervisor_input.settings
        if supervisor_input.settings.id == "warm"
        else replace(supervisor_input.settings, owner=owner)
    )
    try:
        EmbeddedProvider(settings, Path(supervisor_input.directory)).up(lambda event: print(event, flush=True))
    except PlexdevError as error:
        print(error, flush=True)
        return
    print("THE STACK IS UP", flush=True)
    time.sleep(60)


if __name__ == "__main__":
    main()
