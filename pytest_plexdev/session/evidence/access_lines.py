"""Read the API's access lines: one per request, whichever client sent it.

The reference plane writes them (``plexsphere_reference/http/access_log.py``). A log without them has none to read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_BEGINNING: Final = 'level=INFO msg="request" '
_FIELD: Final = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_CORRELATION_ID: Final = re.compile(
    r"correlation[_ -]id\W{1,6}([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE
)
_PROBES: Final = ("/livez", "/readyz", "/metrics")
"""Routes that the parts of a stack request all the time."""


@dataclass(frozen=True, kw_only=True)
class AccessLine:
    """One request in the API's log. What the line lacks is empty.

    Attributes:
        at: Unix time of the request, seconds.
    """

    at: float
    method: str
    route: str
    status: str
    milliseconds: str
    correlation_id: str
    code: str = ""
    reason: str = ""
    principal: str = ""
    domain: str = ""
    client: str = ""

    @property
    def is_probe(self) -> bool:
        """Whether it is a successful check of the API's health."""
        return self.route in _PROBES and self.status == "200"

    @property
    def is_refused(self) -> bool:
        """Whether the API answered with an error."""
        return bool(self.code) or self.status >= "400"

    @property
    def brief(self) -> str:
        """The request, and of one that was refused by whom it was sent."""
        lines = str(self).splitlines()
        return "\n".join(lines if self.is_refused else lines[:1])

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.at))
        refusal = f" {self.code}" if self.code else ""
        reason = f" ({self.reason})" if self.reason else ""
        about = f" in Domain {self.domain}" if self.domain else ""
        client = f", client {self.client}" if self.client else ""
        return (
            f"{clock} {self.method} {self.route} -> {self.status}{refusal}{reason} in {self.milliseconds} ms\n"
            f"  correlation_id {self.correlation_id}\n"
            f"  by {self.principal or 'nobody who signed in'}{about}{client}"
        )


def read_access_lines(log: str) -> list[AccessLine]:
    """Return the requests in a log, in order."""
    return [*_parse(log)]


def without_access_lines(log: str) -> str:
    """Return the other lines of a log."""
    return "".join(line for line in log.splitlines(keepends=True) if not line.startswith(_BEGINNING))


def between(lines: Sequence[AccessLine], began: float, ended: float, *, ids: Collection[str]) -> list[AccessLine]:
    """Return the requests of a period, without successful probes, and those with one of the correlation ids *ids*.

    Args:
        began: Unix time, seconds.
        ended: Unix time, seconds.
    """
    # A line's time has milliseconds.
    begin = int(began * 1000) / 1000
    return [line for line in lines if line.correlation_id in ids or (begin <= line.at <= ended and not line.is_probe)]


def correlation_ids(text: str) -> frozenset[str]:
    """Return the correlation ids that a failure's text names, for example in a problem's body or headers."""
    return frozenset(match.lower() for match in _CORRELATION_ID.findall(text))


def _parse(log: str) -> Iterator[AccessLine]:
    for line in log.splitlines():
        if not line.startswith(_BEGINNING):
            continue
        fields = {name: value.strip('"') for name, value in _FIELD.findall(line)}
        try:
            yield AccessLine(
                at=datetime.fromisoformat(fields["time"]).timestamp(),
                method=fields["method"],
                route=fields["route"],
                status=fields["status"],
                milliseconds=fields["ms"],
                correlation_id=fields["correlation_id"],
                **{name: fields.get(name, "") for name in ("code", "reason", "principal", "domain", "client")},
            )
        except (KeyError, ValueError):
            continue  # cut off, or another program's
