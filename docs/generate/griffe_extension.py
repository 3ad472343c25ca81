"""Griffe: read the roles and literal blocks of the code's docstrings as Markdown."""

from __future__ import annotations

import re

from griffe import Extension, Object


class DocstringsToMarkdown(Extension):
    """``:class:`~a.b.C``` becomes code, and ``Example::`` a sentence before its block."""

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Rewrite the docstring of *obj*."""
        if obj.docstring is None:
            return
        text = re.sub(r":(?:class|func|meth|data|attr|mod):`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", obj.docstring.value)
        obj.docstring.value = re.sub(r"(\w)::\n", r"\1:\n", text)
