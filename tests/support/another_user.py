"""Run a program as another user, and read the addresses that a stack listens at."""

from __future__ import annotations

import os
import shutil

import pytest

PYTHON = "/usr/bin/python3"
"""The system's interpreter, because another user may not have access to ours."""
AS_NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--")

RECORDS = """
import socket, sys
sitting = [socket.create_server(("::1", int(port)), family=socket.AF_INET6) for port in sys.argv[1:]]
print("sits", flush=True)
import selectors
selector = selectors.DefaultSelector()
for server in sitting:
    selector.register(server, selectors.EVENT_READ)
while True:
    for key, _ in selector.select():
        connection, _ = key.fileobj.accept()
        connection.settimeout(1)
        try:
            said = connection.recv(65536)
        except OSError:
            said = b""
        print("got", said, flush=True)
        connection.close()
"""


def require_another_user() -> None:
    if os.geteuid() != 0 or None in (shutil.which("setpriv"), shutil.which(PYTHON)):
        pytest.skip("only root, with setpriv and the system's python3, can be another user")
