"""Render the pages of ``/v1/device``."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from plexsphere_reference.http.pages import link, message, page, paragraph
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.rules.device import shown
from plexsphere_reference.rules.principal import Principal
from plexsphere_reference.rules.sign_in import DEVICE_PAGE

TITLE: Final = "Approve a device"
_ANYWHERE: Final = "'self' http: https:"
"""The form redirects to an identity provider, which is not known before the code is submitted."""


def path_of(user_code: str, **parameters: str) -> str:
    """Return the path of the page for a user code."""
    extra = "".join(f"&{name}={quote(value)}" for name, value in parameters.items())
    return f"{DEVICE_PAGE}?user_code={shown(user_code)}{extra}"


def ask_for_code(*, problem: str | None = None) -> Response:
    """Render the form for the code that the device displays."""
    body = paragraph(problem, warning=True) if problem else paragraph("Type the code that your device shows.")
    body += (
        f'<form method="get" action="{DEVICE_PAGE}"><p><label>Code <input name="user_code" required maxlength="9"'
        ' autocomplete="off" autofocus placeholder="ABCD-EFGH"></label></p><button>Continue</button></form>'
    )
    return page(TITLE, body, status=400 if problem else 200, form_action=_ANYWHERE)


def confirm(user_code: str, who: Principal, domain: str, *, csrf_token: str) -> Response:
    """Render the device to approve, the user, and the button."""
    body = (
        f"{paragraph('A device asks to act as you. Approve it only if it shows this code:')}"
        f"<code>{escape(shown(user_code))}</code>"
        f"{paragraph(f'You are signed in as {who.email or who.external_subject} in {domain}.')}"
        f'<form method="post" action="{DEVICE_PAGE}">'
        f'<input type="hidden" name="user_code" value="{escape(shown(user_code))}">'
        f'<input type="hidden" name="csrf_token" value="{escape(csrf_token)}">'
        '<button type="submit">Approve</button></form>'
    )
    return page(TITLE, body)


def approved() -> Response:
    return message("Device approved", "You can close this page and go back to your device.")


def other_domain(user_code: str, who: Principal) -> Response:
    """Render the page for a user who is signed in to another Domain than the device's."""
    name = who.email or who.external_subject
    body = paragraph(f"You are signed in as {name}, a user of another Domain than the one this device asks for.")
    body += link(path_of(user_code, sign_in="anew"), "Sign in to the device's Domain")
    return page(TITLE, body, status=403)


def no_session_yet(user_code: str) -> Response:
    """Render the page after the sign-in: on a redirect from another site the browser omits the ``Strict`` cookie."""
    body = paragraph("You are signed in if your browser accepts this site's cookies.")
    body += link(path_of(user_code), "Continue")
    return page(TITLE, body)


def refusal(problem: Problem) -> Response:
    """Render a problem."""
    page = message(TITLE, f"{problem.detail} ({problem.code})", status=problem.status, warning=True)
    page.headers.update(problem.headers)
    return page
