"""Record the last HTTP exchanges, with secrets masked, for the evidence of a failing test."""

from __future__ import annotations

import re
import shlex
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import msgspec

from pytest_plexdev.api.problems import CORRELATION_ID, Problem
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.masking.rule import mask, named_secrets

if TYPE_CHECKING:
    import httpx

BODY_LIMIT: Final = 2000
"""Maximum number of characters kept of a body."""

_MAX_SECRETS: Final = 500
"""Maximum number of secrets that an exchange log remembers; the oldest are dropped."""
_KEPT_UNMASKED: Final = 64_000
"""Maximum number of characters of a body that is kept as it was sent. A longer one is masked and shortened at once."""
_SHORTENED: Final = re.compile(r"… \(\d+ characters\)\Z")
_HEADERS: Final = ("Authorization", "Content-Type", "Origin", "X-Plexsphere-CSRF")
"""The headers that decide about an answer, so that a request is repeated with them. A cookie counts without a token."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer. Everything is masked, and bodies are shortened.

    Attributes:
        at: Unix time of the request, seconds.
        url: The whole URL, or the path if no more is known.
        headers: Headers of the request, as ``Name: value``.
        status: ``None`` if no answer came.
        correlation_id: The id under which the API logged the request; empty if the answer has none.
    """

    at: float
    method: str
    path: str
    seconds: float
    url: str
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
        return [program, shlex.quote(self.url), *options]

    def __str__(self) -> str:
        lines = [self.headline]
        lines += [f"  correlation_id {self.correlation_id}"] if self.correlation_id else []
        lines += [f"  {' '.join(self.curl)}"]
        lines += [f"  < {self.response}"] if self.response else []
        return "\n".join(lines)


class ExchangeLog:
    """Keeps the last *size* exchanges, and the secrets in them that only their names reveal, such as NSKs.

    Each request of a test is recorded, and few are ever shown: they are masked when they are read.
    """

    def __init__(self, size: int = 50) -> None:
        self._exchanges: deque[_Recorded] = deque(maxlen=size)
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
        return (recorded.masked() for recorded in tuple(self._exchanges))

    def record(self, request: httpx.Request, response: httpx.Response | None, *, body: bytes, began: float) -> None:
        """Record a request of httpx.

        Args:
            response: Its answer, whose body has been read; ``None`` if no answer came.
            body: The body of the request, before it was compressed.
            began: Unix time, seconds.
        """
        self._exchanges.append(
            _Recorded(
                at=began,
                seconds=unix_time() - began,
                method=request.method,
                path="",
                url=request.url,
                headers=request.headers,
                status=response.status_code if response is not None else None,
                request=self._text(body),
                response=self._text(response.content) if response is not None else "",
                answer_headers=response.headers if response is not None else {},
            )
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
        self._exchanges.append(
            _Recorded(
                at=began,
                seconds=unix_time() - began,
                method=method,
                path=path,
                url=url or path,
                headers=headers or {},
                status=status,
                request=self._text(request),
                response=self._text(response),
                answer_headers={CORRELATION_ID: correlation_id},
            )
        )

    def since(self, moment: float) -> list[Exchange]:
        """The exchanges that began at *moment* (Unix time, seconds) or later."""
        return [recorded.masked() for recorded in tuple(self._exchanges) if recorded.at >= moment]

    def _text(self, content: bytes) -> str:
        if not content:
            return ""
        text = content.decode("utf-8", "replace")
        # At once, because an exchange that is dropped may have the secret that a later test prints.
        if secrets := named_secrets(text):
            self.add_secrets(secrets)
        return text if len(text) <= _KEPT_UNMASKED else _masked_body(text)


class _Recorded(NamedTuple):
    """An exchange as it was sent; a long body is masked and shortened. Without a path it is that of the URL."""

    at: float
    seconds: float
    method: str
    path: str
    url: httpx.URL | str
    headers: Mapping[str, str]
    status: int | None
    request: str
    response: str
    answer_headers: Mapping[str, str]

    def masked(self) -> Exchange:
        names = _HEADERS if "Authorization" in self.headers else (*_HEADERS, "Cookie")
        return Exchange(
            at=self.at,
            seconds=self.seconds,
            method=self.method,
            path=mask(self.path or urlunsplit(("", "", *urlsplit(str(self.url))[2:])) or "/"),
            url=mask(str(self.url)),
            headers=tuple(mask(f"{name}: {self.headers[name]}") for name in names if name in self.headers),
            status=self.status,
            request=_masked_body(self.request),
            response=_masked_body(self.response),
            correlation_id=self.answer_headers.get(CORRELATION_ID, ""),
        )


def _masked_body(text: str) -> str:
    # Mask before shortening: half a secret would not be recognised.
    masked = mask(text)
    if len(masked) <= BODY_LIMIT or _SHORTENED.search(masked, BODY_LIMIT):
        return masked
    return f"{masked[:BODY_LIMIT]}… ({len(masked)} characters)"
