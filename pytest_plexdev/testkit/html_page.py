"""Parse the forms, links and text of an HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(repr=False)
class Form:
    """A form of a page.

    Attributes:
        fields: Values of the fields that have one, by name.
        inputs: Names of all fields.
    """

    action: str = ""
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        return f"Form({self.method} {self.action.partition('?')[0]!r}, fields={sorted(self.fields)})"


class Page(HTMLParser):
    """The forms, the links and the text of one page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.error = ""
        self._words: list[str] = []
        self._in_error: str | None = None
        self._in_style = False
        self.feed(html)

    @property
    def text(self) -> str:
        """The visible text."""
        return " ".join(self._words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._in_style = tag in {"style", "script"}
        if tag == "form":
            self.forms.append(Form(attributes.get("action", ""), attributes.get("method", "get").lower()))
        elif tag == "a":
            self.links.append(attributes.get("href", ""))
        elif tag in {"input", "button"} and self.forms:
            self._add_input(self.forms[-1], attributes)
        # The id of Dex's message for a wrong password.
        if attributes.get("id") == "login-error":
            self._in_error = tag

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self._words += data.split()
        if self._in_error:
            self.error = f"{self.error} {data.strip()}".strip()

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False
        if tag == self._in_error:
            self._in_error = None

    def _add_input(self, form: Form, attributes: Mapping[str, str]) -> None:
        name = attributes.get("name", "")
        if not name:
            return
        form.inputs.add(name)
        # The first of several submit buttons is the one that approves (Dex: Grant Access, then Cancel).
        if "value" in attributes and name not in form.fields:
            form.fields[name] = attributes["value"]
