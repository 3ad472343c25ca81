"""A minimal node agent: it registers once, then sends heartbeats. ``plexdev up plexd`` can deploy it in place of plexd.

It has no mesh and executes nothing. It reads plexd's variables and keeps plexd's files, and needs Python only.

Environment:
    PLEXD_API: Origin of the control plane.
    PLEXD_PROJECT_ID, PLEXD_RESOURCE_HANDLE: The Project, and the Resource that the Node is bound to.
    PLEXD_BOOTSTRAP_TOKEN_FILE, PLEXD_BOOTSTRAP_TOKEN: The bootstrap token, in a file or as a value. It is read only
        without an identity.
    PLEXD_HEALTH_LISTEN: Address of ``/healthz`` and ``/readyz``; default: 127.0.0.1:9101.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import random
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

VERSION: Final = "0.1.0-example"
DATA: Final = Path("/var/lib/plexd")
HEARTBEAT_S: Final = 3.0
REQUEST_S: Final = 10.0
LONGEST_PAUSE_S: Final = 60.0
GIVE_UP_S: Final = 300.0
"""plexd retries a registration for five minutes."""
TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})


class Refused(Exception):
    """The API refused a request for good."""


def log(event: str, **facts: object) -> None:
    """Write a line to standard output. No fact is a credential."""
    sys.stdout.write(json.dumps({"time": datetime.now(UTC).isoformat(), "msg": event, **facts}) + "\n")
    sys.stdout.flush()


class Api:
    """The control plane.

    Attributes:
        bearer: The Node's credential, once it has one.
    """

    def __init__(self, origin: str) -> None:
        self.bearer = ""
        self._origin = origin.rstrip("/")
        # No proxy of the environment: the API is inside the cluster.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def post(self, path: str, body: object) -> dict[str, Any]:
        """Send a request.

        Raises:
            Refused: The answer is final.
            OSError: There was no answer, or one that another attempt may change.
        """
        headers = {"content-type": "application/json"}
        if self.bearer:
            headers["authorization"] = f"Bearer {self.bearer}"
        request = urllib.request.Request(self._origin + path, json.dumps(body).encode(), headers)
        try:
            with self._opener.open(request, timeout=REQUEST_S) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            problem = f"{error.code} {code_of(error)}"
            if error.code in TRANSIENT:
                raise OSError(problem) from None
            raise Refused(problem) from None
        except (http.client.HTTPException, ValueError) as error:
            raise OSError(f"the answer was cut off: {type(error).__name__}") from None


def code_of(error: urllib.error.HTTPError) -> str:
    """The code of a problem document; the reason phrase if the body is none."""
    try:
        return str(json.load(error)["code"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


class Identity:
    """What a Node is known by, in plexd's files, which outlive the process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.node_id = ""
        self._nsk = b""

    @property
    def bearer(self) -> str:
        """``nsk_<env>_`` and base64url of the Node's id (16 bytes) and its NSK (32 bytes)."""
        envelope = uuid.UUID(self.node_id).bytes + self._nsk
        return f"nsk_plexd_{base64.urlsafe_b64encode(envelope).rstrip(b'=').decode()}"

    def load(self) -> bool:
        """Read the files; return whether they exist."""
        try:
            self.node_id = json.loads((self._directory / "identity.json").read_text())["node_id"]
            self._nsk = base64.b64decode((self._directory / "node_secret_key").read_text())
        except FileNotFoundError:
            return False
        return True

    def save(self, registered: dict[str, Any], private_key: bytes) -> None:
        """Write what the API returned; ``identity.json`` last, so that it stands for all of them."""
        self.node_id, self._nsk = registered["node_id"], base64.b64decode(registered["nsk"])
        public = ("node_id", "mesh_ip", "signing_public_key", "signing_key_id", "domain_mesh_cidr")
        self._write("private_key", base64.b64encode(private_key).decode())
        self._write("node_secret_key", registered["nsk"])
        self._write("signing_public_key", registered["signing_public_key"])
        self._write("identity.json", json.dumps({name: registered[name] for name in public}))

    def _write(self, name: str, text: str) -> None:
        new = self._directory / f".{name}.new"
        new.touch(mode=0o600)
        with new.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._directory / name)


def bootstrap_token() -> str:
    file = os.environ.get("PLEXD_BOOTSTRAP_TOKEN_FILE")
    token = (Path(file).read_text() if file else os.environ.get("PLEXD_BOOTSTRAP_TOKEN", "")).strip()
    if not token:
        raise Refused("no bootstrap token: set PLEXD_BOOTSTRAP_TOKEN or PLEXD_BOOTSTRAP_TOKEN_FILE")
    return token


def register(api: Api, identity: Identity) -> None:
    """Register, and retry what may pass for five minutes.

    Raises:
        Refused: The API refused, or five minutes have passed.
    """
    if not os.access(DATA, os.W_OK):
        # Before the token is spent, which registers once.
        raise Refused(f"{DATA} is not writable for the user {os.getuid()}, so an identity would be lost")
    key = os.urandom(32)
    body = {
        "project_id": os.environ["PLEXD_PROJECT_ID"],
        "resource_handle": os.environ["PLEXD_RESOURCE_HANDLE"],
        "bootstrap_token": bootstrap_token(),
        "nonce": str(uuid.uuid4()),
        # 32 bytes of the form of an X25519 key: without a mesh, nothing is ever encrypted with it.
        "public_key": base64.b64encode(hashlib.sha256(key).digest()).decode(),
    }
    deadline, pause = time.monotonic() + GIVE_UP_S, 1.0
    while True:
        try:
            registered = api.post("/v1/register", body)
            break
        except OSError as error:
            if time.monotonic() > deadline:
                raise Refused(f"no registration within {GIVE_UP_S:g} s: {error}") from None
            log("registration failed, retrying", error=str(error))
        time.sleep(pause * random.uniform(0.75, 1.25))
        pause = min(2 * pause, LONGEST_PAUSE_S)
    identity.save(registered, key)
    log("registered", node_id=identity.node_id)


def send_heartbeats(api: Api, identity: Identity, is_ready: threading.Event) -> None:
    """Send a heartbeat every few seconds until the process ends. It is ready once one was accepted.

    Raises:
        Refused: The API does not know the Node, or its credential.
    """
    checksum = base64.b64encode(hashlib.sha256(Path(__file__).read_bytes()).digest()).decode()
    while True:
        body = {
            "client_now": datetime.now(UTC).isoformat(),
            "binary_checksum": checksum,
            "binary_version": VERSION,
            "nat_summary": {},
        }
        try:
            api.post(f"/v1/nodes/{identity.node_id}/heartbeat", body)
            if not is_ready.is_set():
                log("heartbeat accepted", node_id=identity.node_id)
            is_ready.set()
        except OSError as error:
            is_ready.clear()
            log("heartbeat failed, retrying", error=str(error))
        time.sleep(HEARTBEAT_S)


def serve_health(is_ready: threading.Event) -> None:
    """Answer the probes of a cluster: ``/healthz`` always answers 200, ``/readyz`` once a heartbeat was accepted."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_good = self.path == "/healthz" or (self.path == "/readyz" and is_ready.is_set())
            self.send_response(200 if is_good else 503)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log no probe."""

    host, _, port = os.environ.get("PLEXD_HEALTH_LISTEN", "127.0.0.1:9101").rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log("answering probes", port=server.server_port)


def main() -> None:
    # The first process of a container has no default action for the signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    api, identity, is_ready = Api(os.environ["PLEXD_API"]), Identity(DATA), threading.Event()
    serve_health(is_ready)
    try:
        if identity.load():
            log("registered before", node_id=identity.node_id)
        else:
            register(api, identity)
        api.bearer = identity.bearer
        send_heartbeats(api, identity, is_ready)
    except Refused as error:
        log("stopped", error=str(error))
        sys.exit(1)


main()
