"""A server that starts late: it writes the port on which it will listen, and starts after a signal.

    python late.py PORT_FILE GO PROGRAM [ARGUMENT...]

PORT_FILE and GO are FIFOs: it writes the port to PORT_FILE, and waits for data in GO. Without an argument that contains
a port, it executes PROGRAM at once. A PROGRAM without a slash is not executed; it only prints its version.
"""

# ruff: noqa: T201
from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

VERSIONS = {"dex": "Dex Version: v2.41.1", "spicedb": "spicedb v1.39.0"}


def port_of(arguments: list[str]) -> int | None:
    """Return the port of NATS, Dex or SpiceDB, or of a Postgres that listens on TCP."""
    words = " ".join(arguments[1:])
    if found := re.search(r"^serve (\S+)$", words):
        return int(re.findall(r"http: localhost:(\d+)", Path(found[1]).read_text())[0])
    if found := re.search(r"--config (\S+)$", words):
        return int(json.loads(Path(found[1]).read_text())["listen"].rpartition(":")[2])
    if found := re.search(r"--grpc-addr=127.0.0.1:(\d+)", words):
        return int(found[1])
    if found := re.search(r" -p (\d+) .*--listen_addresses=127", words):
        return int(found[1])
    return None


def main(port_file: str, go: str, *command: str) -> None:
    if port := port_of(list(command)):
        Path(port_file).write_text(str(port))
        Path(go).read_text()
    if command[1:] == ("version",):
        print(VERSIONS[command[0]])
    elif "/" not in command[0]:
        time.sleep(60)
    else:
        os.execv(command[0], command)


main(*sys.argv[1:])
