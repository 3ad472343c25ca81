"""Render the pages of ``/v1/device``."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from plexsphere_reference.http import pages
from plexsphere_reference.http.pages import link, paragraph, warning
from plexsphere_reference.http.problems import Problem
from plexsphere_reference.rules.device import shown
from plexsphere_reference.rules.principal import Principal
from plexsphere_reference.rules.sign_in import DEVICE_PAGE

TITLE: Final = "Approve a device"
_ANYWHERE: Final = "'self' http: https:"
"""The form redirects to an identity provider, which is not known before the code is submitted."""
_LONGEST_SHOWN: Final = 32


def path_of(user_code: str, **parameters: str) -> str:
    """Return the path of the page for a user code."""
    extra = "".join(f"&{name}={quote(value)}" for name, value in parameters.items())
    return f"{DEVICE_PAGE}?user_code={shown(user_code)}{extra}"


def ask_for_code(*, typed: str = "", problem: Problem | None = None) -> Response:
    """Render the form for the code that the device displays.

    Args:
        typed: What was typed before; it stays in the field.
        problem: What is wrong with that.
    """
    told = _told(problem) if problem else ""
    described = 'aria-describedby="problem hint" aria-invalid="true"' if problem else 'aria-describedby="hint"'
    body = (
        f'{told}<form method="get" action="{DEVICE_PAGE}">'
        '<p><label for="user_code">Code</label>'
        f'<input name="user_code" id="user_code" value="{escape(typed[:_LONGEST_SHOWN])}" {described} required'
        ' autocomplete="off" autocapitalize="characters" spellcheck="false" autofocus></p>'
        '<p class="quiet" id="hint">Type the code that your device shows, as ABCD-EFGH.</p>'
        "<button>Continue</button></form>"
    )
    response = _page(TITLE, body, status=problem.status if problem else 200, form_action=_ANYWHERE)
    response.headers.update(problem.headers if problem else {})
    return response


def confirm(user_code: str, who: Principal, domain: str, *, csrf_token: str) -> Response:
    """Render the device to approve or deny, the user, and the buttons."""
    body = (
        f"{paragraph('A device asks to act as you. Approve it only if it shows this code:')}"
        f"<code>{escape(shown(user_code))}</code>"
        f"{paragraph(f'You are signed in as {who.email or who.external_subject} in {domain}.')}"
        f'<form method="post" action="{DEVICE_PAGE}">'
        f'<input type="hidden" name="user_code" value="{escape(shown(user_code))}">'
        f'<input type="hidden" name="csrf_token" value="{escape(csrf_token)}">'
        '<button type="submit" name="decision" value="approve">Approve</button>'
        '<button type="submit" name="decision" value="deny" class="second">Deny</button></form>'
        '<p class="quiet">If you did not start a sign-in on a device, deny it.</p>'
    )
    return _page(TITLE, body)


def approved() -> Response:
    return _page("Device approved", paragraph("You can close this page and go back to your device."))


def denied() -> Response:
    body = paragraph("The device is not signed in. To sign it in after all, start again on the device.")
    return _page("Device denied", body)


def other_domain(user_code: str, who: Principal) -> Response:
    """Render the page for a user who is signed in to another Domain than the device's."""
    name = who.email or who.external_subject
    body = paragraph(f"You are signed in as {name}, a user of another Domain than the one this device asks for.")
    body += link(path_of(user_code, sign_in="anew"), "Sign in to the device's Domain")
    return _page(TITLE, body, status=403)


def no_session_yet(user_code: str) -> Response:
    """Render the page after the sign-in: on a redirect from another site the browser omits the ``Strict`` cookie."""
    body = paragraph("You are signed in if your browser accepts this site's cookies.")
    body += link(path_of(user_code), "Continue")
    return _page(TITLE, body)


def refusal(problem: Problem) -> Response:
    """Render a problem that another code may not have."""
    body = _told(problem) + link(DEVICE_PAGE, "Enter a code")
    response = _page(TITLE, body, status=problem.status)
    response.headers.update(problem.headers)
    return response


def _told(problem: Problem) -> str:
    return warning(f"{problem.detail[:1].upper()}{problem.detail[1:]} ({problem.code})")


def _page(title: str, body: str, *, status: int = 200, form_action: str = "'self'") -> Response:
    return pages.page(title, body, here=DEVICE_PAGE, status=status, form_action=form_action)
