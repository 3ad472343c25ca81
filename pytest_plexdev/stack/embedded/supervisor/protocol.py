"""The supervisor's messages to the process that started it: one JSON object per line, through a pipe.

The pipe says one thing more. Its reader's end closes with the asker, so a bring-up that nobody waits for any more is
noticed without a word.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pytest_plexdev.core.model import Phase, PhaseBegan, PhaseEnded, ProgressEvent, Verdict, VerdictChanged
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.errors import PlexdevError, encode_failure


class Requester:
    """The asker, as the supervisor sees it; one that is gone hears nothing."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def introduce(self, supervisor: ProcessId) -> None:
        self._say({"supervisor": [supervisor.pid, supervisor.started]})

    def tell(self, event: ProgressEvent) -> None:
        match event:
            case PhaseBegan():
                self._say({"began": event.name})
            case PhaseEnded():
                self._say({"ended": asdict(event.phase)})
            case VerdictChanged():
                self._say({"verdict": asdict(event.verdict)})

    def ready(self) -> None:
        self._say({"ready": True})

    def failed(self, error: PlexdevError) -> None:
        self._say({"failed": encode_failure(error)})

    def _say(self, message: Mapping[str, object]) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self.descriptor, json.dumps(message).encode() + b"\n")


def decode_event(message: Mapping[str, Any]) -> ProgressEvent | None:
    """The event in a message; ``None`` where it holds none."""
    match message:
        case {"began": str(name)}:
            return PhaseBegan(name=name)
        case {"ended": phase}:
            return PhaseEnded(phase=Phase(**phase))
        case {"verdict": verdict}:
            return VerdictChanged(verdict=Verdict(**verdict))
    return None
