"""Render the page of a run's events from their classes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final, get_args

import msgspec

from docs.generate.markdown import sentence, table
from pytest_plexdev.report.events import VERSION, Event, EvidenceSection, Part, PhaseOfTest

_HEAD: Final = f"""\
# Events of a run

A run whose tests request the stack writes `events.jsonl` to its output directory (`--plexdev-output`, by default
`.plexdev`); a run with `--plexdev-report` always does. The report is rendered from it
([Read the report](../how-to/report.md)). Each line is one JSON object, and its member `event` has its kind. Several
files may be joined; each run begins with a line `run-began`, whose `version` is that of this schema: {VERSION}.

- Ignore members that you do not know. The version increases if a member changes its meaning or is removed, or if a
  kind of event is added.
- Times are Unix times in seconds. Secrets in texts are masked.
- Members with a default are always written.

This page is generated from `pytest_plexdev/report/events.py` (`make docs`).
"""
_PARTS: Final = {"services": Part, "phases": PhaseOfTest, "evidence": EvidenceSection}
"""The types of the members that are arrays of objects."""
_JSON: Final = {"str": "string", "float": "number", "int": "integer", "bool": "boolean", "None": "null"}


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for kind in get_args(Event) for line in _section(kind))])


def _section(kind: type[msgspec.Struct]) -> Iterator[str]:
    summary, members = _docstring(kind)
    yield f"## {kind.__struct_config__.tag}\n\n{summary}\n"
    rows = []
    for name, shown in kind.__annotations__.items():
        rows.append((f"`{name}`", _type(shown), members.get(name, "")))
        if name in _PARTS:
            # An array of objects: their members follow it.
            part = _PARTS[name]
            about = _docstring(part)[0]
            rows[-1] = (f"`{name}`", "array of objects", sentence(members.get(name) or about))
            rows += [(f"`{name}[].{each}`", _type(text), "") for each, text in part.__annotations__.items()]
    yield table(("member", "type", "meaning"), rows)


def _docstring(kind: type) -> tuple[str, dict[str, str]]:
    """The text of a docstring, and what it says of each attribute."""
    text, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    attributes = attributes.partition("Example::")[0]
    members = {
        name: re.sub(r"\s+", " ", said).strip().replace("``", "`")
        for name, said in re.findall(r"^    (\w+): (.*?)(?=^    \w|\Z)", attributes, re.MULTILINE | re.DOTALL)
    }
    return text.strip().replace("``", "`"), members


def _type(shown: str) -> str:
    if found := re.fullmatch(r"tuple\[(\w+), \.\.\.\]", shown):
        return f"array of {_JSON[found[1]]}s" if found[1] in _JSON else "array of objects"
    if shown.startswith("Literal["):
        return ", ".join(f"`{each}`" for each in re.findall(r"['\"](\w+)['\"]", shown))
    if shown == "Outcome":
        return "`passed`, `failed`, `error`, `skipped`, `xfailed`, `xpassed`"
    if shown.startswith("dict["):
        return "object of strings"
    return " or ".join(_JSON[each] for each in shown.split(" | "))
