"""Find the sockets that listen at a port of this machine, and the sockets of a process.

sock_diag(7) lists listening sockets only and takes 0.1 ms. If it is not available, ``/proc/net/tcp`` is read, which
lists all connections and takes milliseconds. The sockets of another user's process are not visible, but the user of
each socket is.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_DUMP_REQUEST: Final = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_TCP_LISTEN: Final = 10
_HEADER: Final = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence, port id."""
_REQUEST: Final = struct.Struct("=BBBxI")
"""inet_diag_req_v2 up to its sockid: family, protocol, extensions, states."""
_SOCKET_ID: Final = struct.Struct("!HH16s16s4x8s")
"""inet_diag_sockid: ports, addresses, interface, cookie."""
_ANY_COOKIE: Final = b"\xff" * 8
_ANSWER: Final = struct.Struct("=B3x48x12xII")
"""inet_diag_msg: family, uid, inode; its sockid is at 4."""
_PATIENCE_S: Final = 1.0
_FILES: Final = ("/proc/net/tcp", "/proc/net/tcp6")

LOOPBACK: Final = frozenset(
    {
        socket.inet_pton(socket.AF_INET, "127.0.0.1"),
        socket.inet_pton(socket.AF_INET, "0.0.0.0"),  # nosec B104 # read, and not bound
        socket.inet_pton(socket.AF_INET6, "::"),
        socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.1"),
    }
)
"""The addresses whose listeners accept connections to 127.0.0.1."""


@dataclass(frozen=True)
class Listener:
    """A socket that listens.

    Attributes:
        address: The address, packed as by ``socket.inet_pton``.
        uid: The id of the user who opened it.
        inode: The unique inode of the socket.
    """

    address: bytes
    uid: int
    inode: int


def listeners(port: int) -> list[Listener]:
    """Return the sockets that listen on *port*, on any address.

    Raises:
        OSError: Neither source is available.
    """
    try:
        return [each for family in (socket.AF_INET, socket.AF_INET6) for each in _from_kernel(family, port)]
    except OSError:
        return list(_from_files(port, listening=True))


def connected_inodes(port: int) -> set[int]:
    """Return the inodes of the sockets of connections to *port*; without listeners, they alone can hold it.

    Raises:
        OSError: ``/proc/net/tcp`` is not available.
    """
    return {each.inode for each in _from_files(port, listening=False) if each.inode}


def socket_inodes(pid: int) -> set[int]:
    """Return the inodes of a process's sockets.

    Raises:
        PermissionError: The process belongs to another user.
        OSError: The process has ended.
    """
    descriptors = f"/proc/{pid}/fd"
    inodes: set[int] = set()
    for name in os.listdir(descriptors):  # noqa: PTH208 (a Path per descriptor of the machine is slow)
        try:
            target = os.readlink(f"{descriptors}/{name}")  # noqa: PTH115 (as above)
        except FileNotFoundError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            inodes.add(int(target[8:-1]))
    return inodes


def _from_kernel(family: socket.AddressFamily, port: int) -> Iterator[Listener]:
    wanted = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 1 << _TCP_LISTEN)
    wanted += _SOCKET_ID.pack(port, 0, b"", b"", _ANY_COOKIE)
    header = _HEADER.pack(_HEADER.size + len(wanted), _SOCK_DIAG_BY_FAMILY, _DUMP_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE_S)
        kernel.sendto(header + wanted, (0, 0))
        while True:
            for kind, message in _messages(kernel.recv(65536)):
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    number = -struct.unpack_from("=i", message)[0]
                    raise OSError(number, os.strerror(number))
                _, uid, inode = _ANSWER.unpack_from(message)
                local, _, address, *_ = _SOCKET_ID.unpack_from(message, 4)
                if local == port:
                    yield Listener(address[: 4 if family == socket.AF_INET else 16], uid, inode)


def _messages(answer: bytes) -> Iterator[tuple[int, bytes]]:
    while answer:
        length, kind, *_ = _HEADER.unpack_from(answer)
        yield kind, answer[_HEADER.size : length]
        answer = answer[(length + 3) & ~3 :]


def _from_files(port: int, *, listening: bool) -> Iterator[Listener]:
    wanted = f":{port:04X}"
    for file in _FILES:
        try:
            lines = Path(file).read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            if file == _FILES[0]:
                raise
            continue  # without IPv6
        for line in lines:
            if wanted in line:
                _, local, _, state, _, _, _, uid, _, inode = line.split()[:10]
                if local.endswith(wanted) and (int(state, 16) == _TCP_LISTEN) == listening:
                    yield Listener(_packed(local.removesuffix(wanted)), int(uid), int(inode))


def _packed(words: str) -> bytes:
    starts = range(0, len(words), 8)
    return b"".join(int(words[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in starts)
