"""Examine the embedded stack that ``plexdev up`` left running: its supervisor, its servers, and what they need."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from pytest_plexdev.api.transport import new_http_client
from pytest_plexdev.core.model import StackInfo, Verdict
from pytest_plexdev.core.ownership.lock import look
from pytest_plexdev.core.paths import cache_directory
from pytest_plexdev.core.temporary import temporary_directory
from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.doctor.model import Finding, FindingState
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.owner import recovery_command
from pytest_plexdev.stack.embedded.warm import find_in, read_stack, warm_directory

ROOM_NEEDED: Final = 100 << 20
"""Bytes that a stack's databases and logs need."""
_PATIENCE: Final = 5.0
"""Seconds that the API may take to report on its dependencies."""
_API: Final = "plexsphere"


def examine_embedded(directory: Path | None = None) -> list[Finding]:
    """Examine the embedded stack in *directory*, by default the warm one, its disk and its cache. Changes nothing."""
    place = directory or warm_directory()
    try:
        info = find_in(place)
        verdicts = _verdicts(info)
        of_the_stack = [_of_the_stack(place, info, verdicts), *_of_readyz(info, verdicts)]
    except PlexdevError as error:
        of_the_stack = [_finding("found", error.what, error.fix)]  # its files are damaged, or another user's
    return [*of_the_stack, _of_the_disk(place), _of_the_cache()]


def _verdicts(info: StackInfo | None) -> Sequence[Verdict]:
    if info is None:
        return ()
    from pytest_plexdev.stack.embedded.health import verdicts

    return verdicts(info)


def _of_the_stack(place: Path, info: StackInfo | None, verdicts: Sequence[Verdict]) -> Finding:
    return _finding(*_stack_state(place, info, verdicts))


def _finding(state: FindingState, evidence: str, command: str) -> Finding:
    return Finding(
        mode="embedded-stack",
        title="the embedded stack is incomplete",
        state=state,
        evidence=evidence,
        explanation="a server that ended is not restarted, and tests that need the stack are skipped",
        command=command,
    )


def _stack_state(place: Path, info: StackInfo | None, verdicts: Sequence[Verdict]) -> tuple[FindingState, str, str]:
    found = look(place)
    if found is None:
        return "ok", f"none is running in {place}", ""
    pid = f"pid {found.mark.pid}" if found.mark is not None else "its mark is damaged"
    if not found.is_owned:
        return "found", f"the supervisor in {place} ({pid}) was killed, and every server with it", _again(place)
    if info is None:
        return "ok", f"the one in {place} is coming up (supervisor: {pid})", ""
    broken = [verdict for verdict in verdicts if verdict.state != "ready"]
    if broken:
        evidence = "; ".join(f"{each.name} is {each.state}: {each.headline}" for each in broken)
        return "found", f"in {place}: {evidence}", _again(place)
    names = ", ".join(verdict.name for verdict in verdicts)
    return "ok", f"in {place}: supervisor ({pid}), {names}", ""


def _again(place: Path) -> str:
    # The stack's file survives a supervisor that was killed.
    try:
        return recovery_command(place, read_stack(place).up_command)
    except (FileNotFoundError, PlexdevError):
        return recovery_command(place)


def _of_readyz(info: StackInfo | None, verdicts: Sequence[Verdict]) -> list[Finding]:
    """Report which of the API's own probes fails; empty if no API runs."""
    if info is None or any(verdict.name == _API and verdict.state == "gone" for verdict in verdicts):
        return []
    url = f"{info.endpoints.api}/readyz"
    failing: list[str] = []
    state: FindingState
    try:
        with new_http_client(url) as http:
            answer = http.get(url, timeout=_PATIENCE)
        probes: Sequence[Mapping[str, Any]] = decode_json(answer.content).get("probes", ())
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        state, evidence = "found", f"GET {url} got no valid answer: {error or type(error).__name__}"
    else:
        failing = [_probe(each) for each in probes if not each.get("ok") and not each.get("informational")]
        state = "found" if failing or not answer.is_success else "ok"
        names = ", ".join(str(each.get("name")) for each in probes)
        evidence = f"GET {url}: {answer.status_code}; " + ("; ".join(failing) or f"{names} answer")
    return [
        Finding(
            mode="embedded-readyz",
            title="the API is not ready",
            state=state,
            evidence=evidence,
            explanation="the API probes its dependencies, and this one did not answer",
            command="plexdev logs plexsphere --stack embedded" if state == "found" else "",
        )
    ]


def _probe(probe: Mapping[str, Any]) -> str:
    return f"{probe.get('name')}: {probe.get('detail') or 'no answer'}"


def _of_the_disk(place: Path) -> Finding:
    rooms = {each: shutil.disk_usage(each).free for each in (_existing(place), temporary_directory())}
    short = {each: free for each, free in rooms.items() if free < ROOM_NEEDED}
    evidence = "; ".join(f"{each} has {free / (1 << 20):.0f} MiB left" for each, free in (short or rooms).items())
    return Finding(
        mode="embedded-disk",
        title="the disk is full",
        state="found" if short else "ok",
        evidence=evidence,
        explanation="an embedded stack needs about 100 MB there for its databases and logs",
        command=f"df -h {' '.join(map(str, short))}" if short else "",
    )


def _of_the_cache() -> Finding:
    cache = cache_directory()
    nearest = _existing(cache)
    usable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return Finding(
        mode="embedded-cache",
        title="the cache directory is not writable",
        state="ok" if usable else "found",
        evidence=f"{cache}: " + ("writable" if usable else f"this user may not write to {nearest}"),
        explanation="a migrated Postgres data directory is cached there, so that the next start is fast",
        command="" if usable else "PLEXDEV_CACHE_DIR=/some/directory plexdev up",
    )


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
