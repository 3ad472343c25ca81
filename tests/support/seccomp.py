"""``python tests/support/seccomp.py EPERM|ENOSYS|namespaces PROGRAM …``: run a program with system calls refused.

The filter refuses pidfds or, as container engines do, new namespaces.

Older kernels answer ENOSYS. Container engines whose seccomp profile is older than ``pidfd_open`` answer EPERM. The
filter is a real one (seccomp(2), a BPF program), and children of the program inherit it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_RET_ERRNO = 0x00050000
_RET_ALLOW = 0x7FFF0000
_LOAD_SYSCALL_NUMBER = (0x20, 0, 0, 0)
_PIDFD_SEND_SIGNAL = 424
_PIDFD_OPEN = 434
"""The numbers are the same on x86-64, arm64 and all architectures with the generic table."""


_UNSHARE = {"x86_64": 272, "aarch64": 97}


def refuse_pidfds(number: int) -> None:
    """Refuse the system calls that open a pidfd or send a signal through one, with the error *number*."""
    refuse(number, _PIDFD_SEND_SIGNAL, _PIDFD_OPEN)


def refuse(number: int, *system_calls: int) -> None:
    """Refuse these system calls of this process and its children, with the error *number*."""
    program = [
        _LOAD_SYSCALL_NUMBER,
        *((0x15, len(system_calls) - place, 0, call) for place, call in enumerate(system_calls)),
        (0x06, 0, 0, _RET_ALLOW),
        (0x06, 0, 0, _RET_ERRNO | number),
    ]
    instructions = b"".join(struct.pack("HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(instructions)
    header = struct.pack("HP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    if sys.argv[1] == "namespaces":
        refuse(errno.EPERM, _UNSHARE[os.uname().machine])
    else:
        refuse_pidfds(getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
