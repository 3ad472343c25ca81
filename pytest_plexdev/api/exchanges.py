"""Record the last HTTP exchanges, with secrets masked, for the evidence of a failing test."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.masking.rule import mask, mask_and_collect

BODY_LIMIT: Final = 2000
"""Maximum number of characters kept of a body."""

_MAX_SECRETS: Final = 500
"""Maximum number of secrets that an exchange log remembers; the oldest are dropped."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer. Bodies are masked and shortened; ``status`` is ``None`` if no answer came.

    Attributes:
        at: Unix time of the request, seconds.
        correlation_id: The id under which the API logged the request; empty if the answer has none.
    """

    at: float
    method: str
    path: str
    seconds: float
    status: int | None = None
    request: str = ""
    response: str = ""
    correlation_id: str = ""

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.at))
        lines = [f"{clock} {self.method} {self.path} -> {self.status or 'no answer'} ({self.seconds * 1000:.0f} ms)"]
        lines += [f"  > {self.request}"] if self.request else []
        lines += [f"  < {self.response}"] if self.response else []
        return "\n".join(lines)


class ExchangeLog:
    """Keeps the last *size* exchanges, and the secrets in them that only their names reveal, such as NSKs."""

    def __init__(self, size: int = 50) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=size)
        self._secrets: deque[str] = deque(maxlen=_MAX_SECRETS)

    @property
    def secrets(self) -> frozenset[str]:
        """The secrets, for :func:`pytest_plexdev.masking.rule.mask`: a test may print them without their names."""
        return frozenset(tuple(self._secrets))

    def add_secrets(self, values: Iterable[str]) -> None:
        """Remember secrets from outside bodies: cookies, bearer tokens, passwords. Ignores words."""
        from pytest_plexdev.masking.known import distinctive_values

        self._secrets.extend(distinctive_values(values).difference(self._secrets))

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._exchanges))

    def add(
        self,
        *,
        method: str,
        path: str,
        began: float,
        status: int | None,
        request: bytes,
        response: bytes,
        correlation_id: str = "",
    ) -> None:
        """Record an exchange that began at *began* (Unix time, seconds)."""
        self._exchanges.append(
            Exchange(
                at=began,
                method=method,
                path=mask(path),
                seconds=unix_time() - began,
                status=status,
                request=self._body(request),
                response=self._body(response),
                correlation_id=correlation_id,
            )
        )

    def since(self, moment: float) -> list[Exchange]:
        """The exchanges that began at *moment* (Unix time, seconds) or later."""
        return [exchange for exchange in self if exchange.at >= moment]

    def _body(self, content: bytes) -> str:
        # Mask before shortening: half a secret would not be recognised.
        text, values = mask_and_collect(content.decode("utf-8", "replace"))
        self._secrets.extend(values)
        return text if len(text) <= BODY_LIMIT else f"{text[:BODY_LIMIT]}… ({len(text)} characters)"
