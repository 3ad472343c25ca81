"""Environments in which the user, or an id that one of our programs switches to, has no entry in ``/etc/passwd``."""

from __future__ import annotations

import sys
from typing import Final

from tests.support.environments.model import SECCOMP, Environment, Refused

_UNKNOWN: Final = 12345
_COLD_CACHE: Final = {"PLEXDEV_CACHE_DIR": None, "XDG_CACHE_HOME": "{place}/home/cache"}
"""Only building the template looks up the user's name."""


def _passwd(*lines: str) -> tuple[str, ...]:
    text = "\\n".join(lines)
    return (
        f"printf '{text}\\n' > /tmp/.passwd.$$",
        "mount --bind /tmp/.passwd.$$ /etc/passwd",
        "rm -f /tmp/.passwd.$$",
    )


_SLIM: Final = _passwd("root:x:0:0:root:/root:/bin/sh", "nobody:x:65534:65534::/:/bin/sh")

USERS: Final = (
    Environment(
        name="files-for-nobody-else", wrapper=("sh", "-c", 'umask 077; exec "$@"', "sh"), variables=_COLD_CACHE
    ),
    Environment(name="files-for-everybody", wrapper=("sh", "-c", 'umask 0; exec "$@"', "sh"), variables=_COLD_CACHE),
    Environment(name="nobody", user=65534),
    Environment(name="root-with-a-short-passwd", mounts=_SLIM, variables=_COLD_CACHE),
    Environment(
        name="root-without-user-namespaces",
        mounts=_passwd("root:x:0:0:root:/root:/bin/sh"),
        wrapper=(sys.executable, SECCOMP, "namespaces"),
        variables=_COLD_CACHE,
    ),
    Environment(name="unknown-id", user=_UNKNOWN, variables=_COLD_CACHE),
    Environment(
        name="unknown-id-without-namespaces",
        user=_UNKNOWN,
        wrapper=(sys.executable, SECCOMP, "namespaces"),
        variables=_COLD_CACHE,
    ),
    Environment(name="unknown-id-without-passwd", user=_UNKNOWN, mounts=_passwd(""), variables=_COLD_CACHE),
    Environment(
        name="unknown-id-that-cannot-run-a-library-of-its-own",
        user=_UNKNOWN,
        mounts=("mount -t tmpfs -o noexec,mode=1777 none /mnt",),
        variables={**_COLD_CACHE, "TMPDIR": "/mnt"},
        expected=Refused("user-unknown"),
    ),
)
