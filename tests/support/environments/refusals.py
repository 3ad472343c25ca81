"""Environments in which the operating system refuses something, or in which a setting is inherited."""

from __future__ import annotations

import sys
from typing import Final

from tests.support.environments.model import SECCOMP, Environment, Refused

_SECCOMP: Final = (sys.executable, SECCOMP)


def _only_hosts(line: str) -> tuple[str, ...]:
    """Return shell lines after which host names are resolved only by a file with one line."""
    return (
        "mount -t tmpfs none /mnt",
        f"echo '{line}' > /mnt/hosts",
        "echo 'hosts: files' > /mnt/nsswitch.conf",
        "test -e /etc/nsswitch.conf || touch /etc/nsswitch.conf",
        "mount --bind /mnt/hosts /etc/hosts",
        "mount --bind /mnt/nsswitch.conf /etc/nsswitch.conf",
    )


_UNKNOWN_USER: Final = 12345
_OPENS_MANY_FILES: Final = "OPENED = [open(__file__, encoding='utf-8') for _ in range(1200)]\n"

REFUSALS: Final = (
    Environment(
        name="no-home",
        user=_UNKNOWN_USER,
        variables={"HOME": None, "PLEXDEV_CACHE_DIR": None, "PLEXDEV_STATE_DIR": None},
        expected=Refused("cache-unwritable", text="choose another directory: PLEXDEV_CACHE_DIR=/some/directory"),
    ),
    Environment(
        name="no-home-and-another-cache", user=_UNKNOWN_USER, variables={"HOME": None, "PLEXDEV_STATE_DIR": None}
    ),
    Environment(
        name="cache-of-another-user",
        user=_UNKNOWN_USER,
        # Mounted over with what a user named root left there.
        mounts=("mount -t tmpfs -o mode=755 none /mnt", "mkdir -m 755 /mnt/cache /mnt/cache/postgres"),
        variables={"PLEXDEV_CACHE_DIR": None, "XDG_CACHE_HOME": "/mnt"},
        expected=Refused(
            "cache-unwritable", text="/mnt belongs to user root (id 0), and this is the user with id 12345"
        ),
    ),
    Environment(
        name="cache-read-only",
        mounts=("mount -t tmpfs none /mnt", "mkdir /mnt/cache", "mount -o remount,ro /mnt"),
        variables={"PLEXDEV_CACHE_DIR": "/mnt/cache"},
        expected=Refused("cache-unwritable", text="the file system of /mnt/cache is read-only"),
    ),
    Environment(
        name="disk-full",
        mounts=("mount -t tmpfs -o size=6m none /mnt",),
        variables={"TMPDIR": "/mnt"},
        expected=Refused("disk-full"),
    ),
    Environment(
        name="many-open-files",
        wrapper=("prlimit", "--nofile=4096:4096"),
        files={"conftest.py": _OPENS_MANY_FILES},
        options=("-W", "ignore::ResourceWarning"),
    ),
    Environment(
        name="loopback-down", wrapper=("unshare", "--net"), mounts=("true",), expected=Refused("loopback-down")
    ),
    Environment(name="localhost-unknown", mounts=_only_hosts("127.0.0.1 elsewhere")),
    Environment(name="localhost-is-ipv6", mounts=_only_hosts("::1 localhost")),
    Environment(name="signals-ignored", wrapper=("env", "--ignore-signal=CHLD,INT,HUP,TERM,PIPE")),
    Environment(name="signals-blocked", wrapper=("env", "--block-signal")),
    Environment(name="pidfds-forbidden", wrapper=(*_SECCOMP, "EPERM")),
    Environment(name="pidfds-unknown", wrapper=(*_SECCOMP, "ENOSYS")),
)
