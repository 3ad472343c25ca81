"""The last HTTP exchanges, kept with their secrets masked: what a failing test leaves behind."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.clock import unix_time

BODY_LIMIT: Final = 2000
"""Characters kept of a body."""

_SECRET_MEMBER: Final = re.compile(
    r'("(?:access_token|bootstrap_token|client_assertion|client_secret|code_verifier_handle|device_code|id_token|nonce'
    r'|nsk|password|plaintext|refresh_token|token|user_code)"\s*:\s*)"(?:[^"\\]|\\.)*"'
)
_SIGN_IN_STATE: Final = re.compile(r'("state"\s*:\s*)"(?![A-Za-z_-]{0,24}")(?:[^"\\]|\\.)*"')
"""Of a sign-in it is random and long; of a Node, a key, a Pod it is a word, and that is what its reader needs."""
_SECRET_VALUE: Final = re.compile(r"\b(psk|psb|nsk)_[A-Za-z0-9_\-]+")
_SECRET_FIELD: Final = re.compile(
    r"(?:\b|(?<=%3F)|(?<=%26))(code|password|state|nonce|code_verifier|device_code|user_code)(=|%3D)[^&\s\"]+"
)
"""Also of a URL that is itself a parameter of another one."""


def mask(text: str) -> str:
    """Replace every secret that the contract knows by ``***``: tokens, NSKs, device and user codes, passwords."""
    text = _SECRET_MEMBER.sub(r'\1"***"', text)
    text = _SIGN_IN_STATE.sub(r'\1"***"', text)
    text = _SECRET_VALUE.sub(r"\1_***", text)
    return _SECRET_FIELD.sub(r"\1\2***", text)


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
    """Keeps the last *size* exchanges."""

    def __init__(self, size: int = 50) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=size)

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
                request=_body(request),
                response=_body(response),
            )
        )

    def since(self, moment: float) -> list[Exchange]:
        """Those that began at *moment* (Unix time, seconds) or later."""
        return [exchange for exchange in self if exchange.at >= moment]


def _body(content: bytes) -> str:
    # Masked before it is cut: a secret that is cut in two would no longer be recognised.
    text = mask(content.decode("utf-8", "replace"))
    return text if len(text) <= BODY_LIMIT else f"{text[:BODY_LIMIT]}… ({len(text)} characters)"
