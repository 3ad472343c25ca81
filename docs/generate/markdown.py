"""Turn docstrings and tables of the code into Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from textwrap import dedent


def cell(text: str) -> str:
    """*text* for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; the cells are Markdown."""
    columns = tuple(head)
    lines = [columns, ("---",) * len(columns), *map(tuple, rows)]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines) + "\n"


def sentence(text: str) -> str:
    """*text* with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def prose(docstring: str) -> str:
    """A docstring as Markdown: its example as a block of Python, its roles as links on the same page."""
    text, _, example = inspect.cleandoc(docstring).partition("Example::\n\n")
    text = re.sub(r":func:`(\w+)`", r"[`\1`](#\1)", text.strip()).replace("``", "`")
    return f"{text}\n\n```python\n{dedent(example).strip()}\n```\n" if example else f"{text}\n"
