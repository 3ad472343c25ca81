"""Provide a passwd entry for a user id without one, because initdb looks up its user's name.

A container that runs with an arbitrary user id, or with a minimal ``/etc/passwd``, has no entry. The C library reads
only that path, and a container without an entry usually forbids mounting a file over it. So initdb runs with a copy of
the C library in which the path is replaced by ``passwd``, relative to its working directory.
"""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_plexdev.errors import USER_UNKNOWN, PlexdevError

REFUSALS: Final = ("could not look up effective user ID", "error while loading shared libraries")
"""The error of initdb without an entry, and of the dynamic loader if the directory forbids loading libraries."""
_PATH: Final = b"\0/etc/passwd\0"
_FILE: Final = "passwd"
_LIBRARIES: Final = ("libc.so.6", "libnss_files.so.2", "libnss_compat.so.2")
"""The libraries of glibc that read the file; before 2.34 these are the last two."""
_LINE: Final = re.compile(r"libc\.so\.6 => (\S.*) \(0x[0-9a-f]+\)")


def has_entry(uid: int) -> bool:
    """Whether the user id has a passwd entry."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def with_entry(uid: int, environment: Mapping[str, str], *, program: Path, directory: Path) -> dict[str, str]:
    """Return *environment*, extended so that *program* finds an entry for *uid*.

    Args:
        directory: The working directory of the program. The files are created in it.

    Raises:
        PlexdevError: ``user-unknown``: the program's C library is not supported.
    """
    copies = directory / "libraries"
    copies.mkdir(exist_ok=True)
    copies.chmod(0o755)  # initdb may run as another user
    if not [copy for library in _libraries(program, environment) if (copy := _patched_copy(library, copies))]:
        raise PlexdevError(USER_UNKNOWN, uid=uid, reason="its C library reads no other file")
    entry = directory / _FILE
    entry.write_text(f"plexdev:x:{uid}:{uid}::/:/bin/false\n", "utf-8")
    entry.chmod(0o644)
    # Relative: an absolute path could contain `$`, a colon or a semicolon, which the loader interprets.
    path = os.pathsep.join(filter(None, (copies.name, environment.get("LD_LIBRARY_PATH"))))
    return {**environment, "LD_LIBRARY_PATH": path}


def _libraries(program: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    # As ldd does: the dynamic loader lists the libraries and does not run the program.
    traced = {**environment, "LD_TRACE_LOADED_OBJECTS": "1"}
    result = subprocess.run([program], env=traced, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    found = _LINE.search(os.fsdecode(result.stdout))
    if found is not None:
        yield from (path for name in _LIBRARIES if (path := Path(found[1]).with_name(name)).is_file())


def _patched_copy(library: Path, directory: Path) -> Path | None:
    content = library.read_bytes()
    if _PATH not in content:
        return None
    copy = directory / library.name
    copy.write_bytes(content.replace(_PATH, f"\0{_FILE}\0".encode().ljust(len(_PATH), b"\0")))
    copy.chmod(0o755)
    return copy
