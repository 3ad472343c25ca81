"""Render ``/v1/docs``: every operation of the contract, and whether it is built here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from starlette.responses import Response

from plexsphere_reference.http.operation import Access, Operation
from plexsphere_reference.http.pages import DOCS, page, paragraph
from plexsphere_reference.http.unimplemented import Unbuilt
from plexsphere_reference.settings import Settings

_CALLERS: Final[Mapping[Access, str]] = {
    "public": "everyone",
    "operator": "a person or a token",
    "node": "a Node",
    "operator_or_node": "a person, a token or a Node",
}
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, kw_only=True)
class _Row:
    surface: str
    method: str
    path: str
    callers: str = ""
    lacks: str = ""
    """Why it answers 501; empty if it is built."""

    @property
    def order(self) -> tuple[str, int]:
        return self.path, _METHODS.index(self.method)


def docs_page(built: Iterable[Operation], unbuilt: Iterable[Unbuilt], settings: Settings) -> Response:
    """Render the list of *built* and *unbuilt* operations, by surface."""
    rows = [*(_built(each, settings) for each in built), *map(_unbuilt, unbuilt)]
    built_surfaces = {each.surface for each in rows if not each.lacks}
    surfaces = sorted({each.surface for each in rows}, key=lambda name: (name not in built_surfaces, name))
    answering = sum(not each.lacks for each in rows)
    summary = (
        f"{len(rows)} operations in {len(surfaces)} surfaces. {answering} of them answer;"
        f" the other {len(rows) - answering} answer 501."
    )
    body = (
        f"{paragraph(summary)}"
        '<p>For programs: <a href="/v1/openapi.json">the OpenAPI document</a> of the operations that are built.</p>'
        f"<h2>Surfaces that answer</h2>{_index(each for each in surfaces if each in built_surfaces)}"
        f"<h2>Surfaces that answer 501 only</h2>{_index(each for each in surfaces if each not in built_surfaces)}"
        f"{''.join(_section(name, [each for each in rows if each.surface == name]) for name in surfaces)}"
    )
    return page("The operations of the API", body, here=DOCS)


def _built(operation: Operation, settings: Settings) -> _Row:
    missing = settings.missing_for(operation.surface, *operation.needs)
    return _Row(
        surface=operation.surface,
        method=operation.method,
        path=operation.path,
        callers=_CALLERS[operation.access],
        lacks=f"needs {', '.join(missing)}" if missing else "",
    )


def _unbuilt(operation: Unbuilt) -> _Row:
    return _Row(surface=operation.surface, method=operation.method, path=operation.path, lacks="not built")


def _index(surfaces: Iterable[str]) -> str:
    links = "".join(f'<li><a href="#{each}">{_words(each)}</a></li>' for each in surfaces)
    return f'<ul class="index">{links}</ul>'


def _section(surface: str, rows: Sequence[_Row]) -> str:
    built = sum(not each.lacks for each in rows)
    lines = "".join(_line(each) for each in sorted(rows, key=lambda each: each.order))
    return (
        f'<section aria-labelledby="{surface}"><h2 id="{surface}">{_words(surface)}</h2>'
        f'<p class="quiet">{built} of {len(rows)} answer</p>'
        '<table><thead><tr><th scope="col" class="method">Method</th><th scope="col">Path</th>'
        '<th scope="col" class="access">Who may call it</th><th scope="col" class="answer">Here</th></tr></thead>'
        f"<tbody>{lines}</tbody></table></section>"
    )


def _line(row: _Row) -> str:
    answer = f'<td class="answer">501: {escape(row.lacks)}</td>' if row.lacks else '<td class="answer built">built</td>'
    return (
        f'<tr><td class="method">{row.method}</td> <td class="path">{_path(row)}</td>'
        f"<td>{row.callers}</td>{answer}</tr>"
    )


def _path(row: _Row) -> str:
    """The path; a link if a browser can open it as it is."""
    text = f"<code>{escape(row.path)}</code>"
    can_be_opened = row.method == "GET" and row.callers == "everyone" and "{" not in row.path and not row.lacks
    return f'<a href="{escape(row.path)}">{text}</a>' if can_be_opened else text


def _words(surface: str) -> str:
    return surface.replace("_", " ")
