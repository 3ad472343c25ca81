"""Griffe: read the roles and examples of the code's docstrings as Markdown."""

from __future__ import annotations

import re
from textwrap import dedent

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|data|attr|mod):`~?(?:[\w.]+\.)?(\w+)`")
_EXAMPLE = re.compile(r"^Example::\n\n((?:(?: {4}.*)?(?:\n|$))+)", re.MULTILINE)


class DocstringsToMarkdown(Extension):
    """``:class:`~a.b.C``` becomes code, and the block of ``Example::`` a fenced one."""

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Rewrite the docstring of *obj*."""
        if obj.docstring is None:
            return
        text = _EXAMPLE.sub(_fenced, _ROLE.sub(r"`\1`", obj.docstring.value))
        obj.docstring.value = re.sub(r"(\w)::\n", r"\1:\n", text)


def _fenced(example: re.Match[str]) -> str:
    return f"```python\n{dedent(example[1]).strip()}\n```\n\n"
