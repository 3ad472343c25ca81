"""Parse the text of an option. A ``ValueError`` says what would be valid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def choice(*valid: str) -> Callable[[str], str]:
    """Return a parser that accepts these words only."""

    def parse(text: str) -> str:
        if text not in valid:
            raise ValueError(f"one of {', '.join(valid)}")
        return text

    return parse


def truth(text: str) -> bool:
    """Parse a switch: 1 or 0, true or false, yes or no, on or off."""
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ValueError("1 or 0")
    return known[text.lower()]


def seconds(text: str) -> float:
    """Parse a number of seconds above 0."""
    wanted = "a number of seconds above 0"
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(wanted) from None
    if not 0 < seconds < float("inf"):
        raise ValueError(wanted)
    return seconds


def path(text: str) -> Path:
    """Parse a path, which may not exist yet."""
    if not text.strip() or "\0" in text:
        raise ValueError("a path")
    return Path(text)


def directory(text: str) -> Path:
    """Parse the path of an existing directory."""
    if not Path(text).is_dir():
        raise ValueError("an existing directory")
    return Path(text)


def html(text: str) -> Path:
    """Parse the name of an HTML file."""
    if Path(text).suffix not in {".html", ".htm"}:
        raise ValueError("a file name that ends in .html")
    return Path(text)


def images(text: str) -> dict[str, str]:
    """Parse ``NAME=REF`` pairs that are separated by commas or blanks."""
    pairs = [pair.partition("=") for pair in text.replace(",", " ").split()]
    if not all(name and reference for name, _, reference in pairs):
        raise ValueError("NAME=REF, plexsphere=plexsphere:dev for example")
    return {name: reference for name, _, reference in pairs}


def text(text: str) -> str:
    """Parse any text that is not blank."""
    if not text.strip():
        raise ValueError("a name that is not blank")
    return text
