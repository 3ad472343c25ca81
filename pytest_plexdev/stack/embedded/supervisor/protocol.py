"""The supervisor's messages to the process that started it: one JSON object per line, through a pipe.

The read end of the pipe closes when that process ends, so the supervisor notices that no process waits any longer.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from pytest_plexdev.core.model import Phase, Verdict
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.core.progress import PhaseBegan, PhaseEnded, ProgressEvent, VerdictChanged
from pytest_plexdev.errors import PlexdevError, encode_failure

Fault: TypeAlias = Literal["pause", "resume", "kill"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of the running stack that a command requests.

    Attributes:
        services: The servers to start again on the data that they had; empty: all, on the seeded state.
        fault: What a test does to the services of its own stack instead of starting them.
        variables: Changes to their environment from now on; ``None`` as a value removes a variable.
        delay_s: How much later what they send is delivered from now on, in seconds; 0: not later.
    """

    services: tuple[str, ...] = ()
    fault: Fault | None = None
    variables: Mapping[str, str | None] | None = None
    delay_s: float | None = None

    def encode(self) -> bytes:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Change:
        """Read what :meth:`encode` returned."""
        members = json.loads(line)
        return cls(**{**members, "services": tuple(members["services"])})


class Requester:
    """The process that started the supervisor, or requests a change. Messages to it are dropped once it has ended."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def send_identity(self, supervisor: ProcessId) -> None:
        self._send({"supervisor": [supervisor.pid, supervisor.started]})

    def send_event(self, event: ProgressEvent) -> None:
        match event:
            case PhaseBegan():
                self._send({"began": event.name})
            case PhaseEnded():
                self._send({"ended": asdict(event.phase)})
            case VerdictChanged():
                self._send({"verdict": asdict(event.verdict)})

    def send_ready(self) -> None:
        self._send({"ready": True})

    def send_failure(self, error: PlexdevError) -> None:
        self._send({"failed": encode_failure(error)})

    def _send(self, message: Mapping[str, object]) -> None:
        # A command that was stopped while it waits, and reads nothing, does not block the supervisor.
        with contextlib.suppress(ConnectionError, BlockingIOError):
            os.write(self.descriptor, json.dumps(message).encode() + b"\n")


def decode_event(message: Mapping[str, Any]) -> ProgressEvent | None:
    """Return the event in a message, or ``None`` if it has none."""
    match message:
        case {"began": str(name)}:
            return PhaseBegan(name=name)
        case {"ended": phase}:
            return PhaseEnded(phase=Phase(**phase))
        case {"verdict": verdict}:
            return VerdictChanged(verdict=Verdict(**verdict))
    return None
