"""What this repository makes: a command line for plexsphere that signs in with a device code. Standard library only."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """The API refused a request."""


@dataclass(frozen=True)
class Session:
    """A completed login."""

    server: str
    token: str

    def projects(self, domain: str) -> list[str]:
        """Return the slugs of the Projects that the user may see, of one Domain."""
        status, answer = _send("GET", f"{self.server}/v1/projects?domain_id={domain}", token=self.token)
        if status != 200:
            raise Refused(answer.get("code", str(status)))
        return [project["slug"] for project in answer["items"]]


@dataclass(frozen=True)
class LoginFlow:
    """A login that somebody still has to approve at ``verification_uri_complete``."""

    server: str
    device_code: str
    user_code: str
    verification_uri_complete: str
    interval: int

    def wait(self) -> Session:
        """Poll until it is approved."""
        while True:
            status, answer = _send("POST", f"{self.server}/v1/auth/device-token", {"device_code": self.device_code})
            if status == 200:
                return Session(self.server, answer["access_token"])
            if answer.get("code") not in {"authorization_pending", "slow_down"}:
                raise Refused(answer.get("code", str(status)))
            time.sleep(self.interval)


def start_login(*, server: str, domain: str) -> LoginFlow:
    """Ask for a device code."""
    _, answer = _send("POST", f"{server}/v1/auth/device-code", {"domain_id": domain})
    uri = answer["verification_uri_complete"]
    return LoginFlow(server, answer["device_code"], answer["user_code"], uri, answer["interval"])


def main() -> int:
    """Print the Projects of the Domain in ``MY_DOMAIN``, at the API in ``MY_API``, as whom ``MY_TOKEN`` says."""
    session = Session(os.environ["MY_API"], os.environ["MY_TOKEN"])
    try:
        print("\n".join(session.projects(os.environ["MY_DOMAIN"])))
    except Refused as refusal:
        print(f"my-cli: {refusal}", file=sys.stderr)
        return 1
    return 0


def _send(
    method: str, url: str, body: dict[str, str] | None = None, *, token: str | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


if __name__ == "__main__":
    sys.exit(main())
