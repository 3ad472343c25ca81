"""Write log lines in the product's format, ``level=INFO msg="..." key=value``, to standard error."""

from __future__ import annotations

import sys
from typing import Final, TextIO

_BARE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@+")


def log(level: str, message: str, *, stream: TextIO | None = None, **fields: object) -> None:
    """Write one line. Values with special characters are quoted and escaped."""
    parts = [f"level={level}", f"msg={_quote(message)}"]
    parts += [f"{name}={format_value(value)}" for name, value in fields.items()]
    write_line(" ".join(parts), stream=stream)


def write_line(line: str, *, stream: TextIO | None = None) -> None:
    """Write a formatted line, in one write so that lines of several threads do not mix."""
    stream = stream or sys.stderr
    stream.write(f"{line}\n")
    stream.flush()


def dev_warning(*, dependency: str, prod_delta: str, env: str) -> None:
    """Log the warning that programs in a development configuration print at start (runbook, dev-posture warning)."""
    if env == "dev":
        log("WARN", "insecure default active in dev mode", env=env, dependency=dependency, prod_delta=prod_delta)


def format_value(value: object) -> str:
    """Format the value of a field. Values with special characters are quoted and escaped."""
    text = str(value)
    return text if text and _BARE.issuperset(text) else _quote(text)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    # Escape untrusted text, so that it cannot start a new line or send terminal control sequences.
    return '"' + "".join(each if each.isprintable() else _escaped(each) for each in escaped) + '"'


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
