"""Render HTML pages without scripts; all values are escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from html import escape
from typing import Final

from starlette.responses import Response

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:10vh auto;padding:0 1rem;color:#1a1a2e}"
    "code{display:block;font-size:2rem;letter-spacing:.1em;margin:1rem 0}"
    "button{font:inherit;padding:.5rem 1.5rem;border:0;border-radius:.3rem;background:#2743d2;color:#fff}"
    "input{font:inherit;padding:.5rem;text-transform:uppercase}.warning{color:#a3260f}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_KIND: Final = re.compile(r"[a-z_]{1,64}")
_LONGEST_DETAIL: Final = 500


def page(title: str, body: str, *, status: int = 200, form_action: str = "'self'") -> Response:
    """Render a page. ``body`` is HTML.

    Args:
        form_action: CSP's ``form-action``. Browsers also apply it to redirects after a form submission.
    """
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )
    return Response(html, status, _headers(form_action), "text/html")


def _headers(form_action: str) -> Mapping[str, str]:
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action};"
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


def message(title: str, text: str, *, status: int = 200, warning: bool = False) -> Response:
    """Render a page with a single message."""
    return page(title, paragraph(text, warning=warning), status=status)


def paragraph(text: str, *, warning: bool = False) -> str:
    return f'<p class="warning">{escape(text)}</p>' if warning else f"<p>{escape(text)}</p>"


def link(href: str, text: str) -> str:
    return f'<p><a href="{escape(href)}">{escape(text)}</a></p>'


def landing(error_kind: str | None, error_detail: str | None) -> Response:
    """Render the page after a sign-in: a welcome or the reason of the failure."""
    if error_kind is None:
        return message("plexsphere", "This is the control plane's API; /v1/docs describes it.")
    kind = error_kind if _KIND.fullmatch(error_kind) else "unknown"
    text = f"The control plane reported: “{(error_detail or '')[:_LONGEST_DETAIL]}” ({kind})"
    return page("The sign-in did not work", paragraph(text, warning=True))
