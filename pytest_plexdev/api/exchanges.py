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
"""Characters kept of a body."""

_MOST_SECRETS: Final = 500
"""Values that an exchange log remembers as secrets, the latest."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer. Bodies are masked and shortened; ``status`` is absent where none came."""

    at: float
    method: str
    path: str
    seconds: float
    status: int | None = None
    request: str = ""
    response: str = ""

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.at))
        lines = [f"{clock} {self.method} {self.path} -> {self.status or 'no answer'} ({self.seconds * 1000:.0f} ms)"]
        lines += [f"  > {self.request}"] if self.request else []
        lines += [f"  < {self.response}"] if self.response else []
        return "\n".join(lines)


class ExchangeLog:
    """Keeps the last *size* exchanges, and the secrets in them that only their names tell: NSKs, device codes."""

    def __init__(self, size: int = 50) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=size)
        self._secrets: deque[str] = deque(maxlen=_MOST_SECRETS)

    @property
    def secrets(self) -> frozenset[str]:
        """For :func:`pytest_plexdev.masking.rule.mask`: a test may show them without their names."""
        return frozenset(tuple(self._secrets))

    def add_secrets(self, values: Iterable[str]) -> None:
        """Remember secrets that no body has: cookies, bearers, passwords. What is like a word is not remembered."""
        from pytest_plexdev.masking.known import unlike_words

        self._secrets.extend(unlike_words(values).difference(self._secrets))

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._exchanges))

    def add(self, *, method: str, path: str, began: float, status: int | None, request: bytes, response: bytes) -> None:
        """Remember an exchange that began at *began* (Unix time, seconds)."""
        self._exchanges.append(
            Exchange(
                at=began,
                method=method,
                path=mask(path),
                seconds=unix_time() - began,
                status=status,
                request=self._body(request),
                response=self._body(response),
            )
        )

    def since(self, moment: float) -> list[Exchange]:
        """Those that began at *moment* (Unix time, seconds) or later."""
        return [exchange for exchange in self if exchange.at >= moment]

    def _body(self, content: bytes) -> str:
        # Masked before it is cut: a secret that is cut in two would no longer be recognised.
        text, values = mask_and_collect(content.decode("utf-8", "replace"))
        self._secrets.extend(values)
        return text if len(text) <= BODY_LIMIT else f"{text[:BODY_LIMIT]}… ({len(text)} characters)"
