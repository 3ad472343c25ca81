"""What this repository makes: a client that logs in to plexsphere with a device code, standard library only."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Session:
    token: str


@dataclass(frozen=True)
class LoginFlow:
    """A login that somebody still has to approve at ``verification_uri_complete``."""

    server: str
    device_code: str
    verification_uri_complete: str
    interval: int

    def wait(self) -> Session:
        """Poll until it is approved."""
        while True:
            status, answer = _post(f"{self.server}/v1/auth/device-token", {"device_code": self.device_code})
            if status == 200:
                return Session(answer["access_token"])
            if answer.get("code") not in {"authorization_pending", "slow_down"}:
                raise RuntimeError(f"login refused: {answer}")
            time.sleep(self.interval)


def start_login(*, server: str, domain: str) -> LoginFlow:
    """Ask for a device code."""
    _, answer = _post(f"{server}/v1/auth/device-code", {"domain_id": domain})
    return LoginFlow(server, answer["device_code"], answer["verification_uri_complete"], answer["interval"])


def _post(url: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
