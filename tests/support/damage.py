"""Damage state files: as by an edit, a full disk, or another user."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

Damage: TypeAlias = Callable[[Path], None]
"""Replaces a file by something else."""


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _text(text: str) -> Damage:
    def damage(path: Path) -> None:
        _remove(path)
        path.write_bytes(text.encode("latin-1"))
        path.chmod(0o600)

    return damage


def _fifo(path: Path) -> None:
    _remove(path)
    os.mkfifo(path, 0o600)


def _directory(path: Path) -> None:
    _remove(path)
    path.mkdir(mode=0o700)


def _link(path: Path) -> None:
    _remove(path)
    path.symlink_to("/etc/passwd")


def _link_to_nothing(path: Path) -> None:
    _remove(path)
    path.symlink_to(path.with_name("nothing"))


def _members(text: str) -> str:
    """All members that are strings in any of our files, each with the JSON string *text*."""
    texts = ", ".join(
        f'"{name}": "{text}"' for name in ("name", "counterpart", "host", "cluster", "command", "by", "id")
    )
    return (
        f'{{{texts}, "kind": "stack", "pid": 1, "started": 1, "began": 1.0, "since": 1.0, "for": "x", '
        f'"said": "{text}", "files": ["{text}"], "provider": "embedded", "directory": "{text}", "started_at": 1.0, '
        f'"tag": "no-event", "detail": "", "facts": {{}}, "endpoints": {{"api": "http://localhost:9", "issuer": "http://localhost:9"}}}}'
    )


DAMAGES: Final[Mapping[str, Damage]] = {
    "empty": _text(""),
    "list": _text("[]"),
    "half": _text('{"provider": "embedded", "id": '),
    "types": _text('{"kind": 7, "provider": [], "pid": "x", "status": {}, "tag": 1, "by": 1, "said": []}'),
    "huge": _text(
        '{"kind": "stack", "name": "warm", "pid": 99999999999999999999, "started": 1, "status": 1e999, '
        '"provider": "embedded", "id": "x", "directory": "/", "started_at": 1e999, "services": '
        '[{"name": "nats", "version": "1", "pid": 99999999999999999999}]}'
    ),
    "deep": _text("[" * 99999),
    "deep members": _text('{"x":' * 99999),
    "nul": _text(_members(r"/\u0000")),
    "surrogate": _text(_members(r"/\ud800")),
    "binary": _text("\x00\xff\xfe"),
    "no UTF-8": _text('{"kind": "\xff", "provider": "\xff", "stack": "\xff", "token": "\xff", "tag": "\xff"}'),
    "fifo": _fifo,
    "directory": _directory,
    "link": _link,
    "link to nothing": _link_to_nothing,
}
