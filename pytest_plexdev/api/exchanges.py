"""Record the last HTTP exchanges, with secrets masked, for the evidence of a failing test."""

from __future__ import annotations

import shlex
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from pytest_plexdev.api.problems import CORRELATION_ID, Problem
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.masking.rule import mask, mask_and_collect

if TYPE_CHECKING:
    import httpx

BODY_LIMIT: Final = 2000
"""Maximum number of characters kept of a body."""

_MAX_SECRETS: Final = 500
"""Maximum number of secrets that an exchange log remembers; the oldest are dropped."""
_HEADERS: Final = ("Authorization", "Content-Type", "Origin", "X-Plexsphere-CSRF")
"""The headers that decide about an answer, so that a request is repeated with them. A cookie counts without a token."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer. Everything is masked, and bodies are shortened.

    Attributes:
        at: Unix time of the request, seconds.
        url: Where the request went; empty if that is not known.
        headers: Headers of the request, as ``Name: value``.
        status: ``None`` if no answer came.
        correlation_id: The id under which the API logged the request; empty if the answer has none.
    """

    at: float
    method: str
    path: str
    seconds: float
    url: str = ""
    headers: tuple[str, ...] = ()
    status: int | None = None
    request: str = ""
    response: str = ""
    correlation_id: str = ""

    @property
    def problem(self) -> Problem | None:
        """The problem that was the answer, if it was one."""
        if self.status is None or self.status < 400:
            return None
        try:
            problem = decode_as(self.response.encode(), Problem)
        except (msgspec.DecodeError, UnicodeError):
            return None
        return msgspec.structs.replace(problem, status=self.status)

    @property
    def headline(self) -> str:
        """When, what and with which answer, in one line."""
        clock = time.strftime("%H:%M:%S", time.localtime(self.at))
        problem = self.problem
        answer = problem.summary if problem is not None else self.status or "no answer"
        return f"{clock} {self.method} {self.path} -> {answer} in {self.seconds * 1000:.0f} ms"

    @property
    def curl(self) -> list[str]:
        """The command that sends the request again, in parts: the program, the URL, and each option."""
        if self.method == "HEAD":
            program = "curl --head"
        elif self.method == ("POST" if self.request else "GET"):
            program = "curl"
        else:
            program = f"curl -X {self.method}"
        options = [f"-H {shlex.quote(header)}" for header in self.headers]
        options += [f"-d {shlex.quote(self.request)}"] if self.request else []
        return [program, shlex.quote(self.url or self.path), *options]

    def __str__(self) -> str:
        lines = [self.headline]
        lines += [f"  correlation_id {self.correlation_id}"] if self.correlation_id else []
        lines += [f"  {' '.join(self.curl)}"]
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

    def record(self, request: httpx.Request, response: httpx.Response | None, *, body: bytes, began: float) -> None:
        """Record a request of httpx.

        Args:
            response: Its answer, whose body has been read; ``None`` if no answer came.
            body: The body of the request, before it was compressed.
            began: Unix time, seconds.
        """
        self.add(
            method=request.method,
            path=request.url.raw_path.decode(),
            url=str(request.url),
            headers=request.headers,
            began=began,
            status=response.status_code if response is not None else None,
            request=body,
            response=response.content if response is not None else b"",
            correlation_id=response.headers.get(CORRELATION_ID, "") if response is not None else "",
        )

    def add(
        self,
        *,
        method: str,
        path: str,
        began: float,
        status: int | None,
        request: bytes,
        response: bytes,
        url: str = "",
        headers: Mapping[str, str] | None = None,
        correlation_id: str = "",
    ) -> None:
        """Record an exchange that began at *began* (Unix time, seconds)."""
        sent = headers or {}
        names = _HEADERS if "Authorization" in sent else (*_HEADERS, "Cookie")
        self._exchanges.append(
            Exchange(
                at=began,
                method=method,
                path=mask(path),
                seconds=unix_time() - began,
                url=mask(url),
                headers=tuple(mask(f"{name}: {sent[name]}") for name in names if name in sent),
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
