"""Render HTML pages without scripts; all values are escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Final

from starlette.responses import Response

from plexsphere_reference.http.page_style import STYLE, STYLE_HASH

_KIND: Final = re.compile(r"[a-z_]{1,64}")
_LONGEST_DETAIL: Final = 500
PRODUCT: Final = "plexsphere"
HOME: Final = "/"
DOCS: Final = "/v1/docs"
DEVICE: Final = "/v1/device"
_PAGES: Final = ((HOME, PRODUCT), (DOCS, "API"), (DEVICE, "Approve a device"))
"""The pages, which link to each other."""


def page(title: str, body: str, *, here: str, status: int = 200, form_action: str = "'self'") -> Response:
    """Render a page. ``body`` is HTML.

    Args:
        here: Which of the pages it is.
        form_action: CSP's ``form-action``. Browsers also apply it to redirects after a form submission.
    """
    name = title if title == PRODUCT else f"{title} · {PRODUCT}"
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body>"
        '<a class="skip" href="#main">Skip to the content</a>'
        f'<div class="band"><header>{_navigation(here)}</header></div>'
        f'<main id="main"><h1>{escape(title)}</h1>{body}</main></body></html>\n'
    )
    return Response(html, status, _headers(form_action), "text/html")


def _navigation(here: str) -> str:
    current = {here: ' aria-current="page"'}
    links = "".join(f'<a href="{path}"{current.get(path, "")}>{name}</a>' for path, name in _PAGES)
    return f'<nav aria-label="Pages">{links}</nav>'


def _headers(form_action: str) -> Mapping[str, str]:
    policy = (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action {form_action};"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        # With no-referrer, browsers would send the form with `Origin: null`.
        "Referrer-Policy": "same-origin",
    }


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def warning(text: str, *, name: str = "problem") -> str:
    """Render what went wrong. A screen reader says it at once; *name* is its id, for a field's description."""
    return f'<p class="warning" role="alert" id="{name}">{escape(text)}</p>'


def link(href: str, text: str) -> str:
    return f'<p><a href="{escape(href)}">{escape(text)}</a></p>'


def landing(error_kind: str | None, error_detail: str | None) -> Response:
    """Render the first page, to which a sign-in leads: what is here, or the reason of the failure."""
    if error_kind is not None:
        kind = error_kind if _KIND.fullmatch(error_kind) else "unknown"
        text = f"The control plane reported: “{(error_detail or '')[:_LONGEST_DETAIL]}” ({kind})"
        body = warning(text) + paragraph("Start the sign-in again where you came from.")
        return page("The sign-in did not work", body, here=HOME)
    body = (
        f"{paragraph('This is the API of a plexsphere control plane. Programs use it; for people it has these pages:')}"
        f'<ul><li><a href="{DOCS}">The operations of the API</a>, and which of them are built</li>'
        f'<li><a href="{DEVICE}">Approve a device</a> that shows a code</li></ul>'
        f"<h2>For programs</h2>"
        '<ul><li><a href="/v1/openapi.json">OpenAPI document</a></li>'
        '<li><a href="/v1/health">Health</a> of the services behind the API</li>'
        '<li><a href="/v1/version">Version</a></li></ul>'
    )
    return page(PRODUCT, body, here=HOME)
