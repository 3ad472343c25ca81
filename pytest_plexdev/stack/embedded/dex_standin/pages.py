"""Render the HTML pages. Form fields and ids are those of Dex's templates, which browser automation relies on."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from http import HTTPStatus
from typing import Final

_SCOPE_MEANINGS: Final = {
    "offline_access": "Have offline access",
    "profile": "View basic profile information",
    "email": "View your email address",
    "groups": "View your groups",
}

_FRAME: Final = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>dex</title>
    <meta name="viewport" content="width=device-width, initial-scale=1.0">
    <style>
      body {{ font-family: system-ui, sans-serif; background: #efefef; color: #333; }}
      main {{ max-width: 26rem; margin: 4rem auto; padding: 2rem; background: #fff; }}
      label, input, button {{ display: block; width: 100%; box-sizing: border-box; margin: .5rem 0; padding: .5rem 0; }}
      .dex-error-box {{ padding: .5rem; background: #dd1327; color: #fff; }}
    </style>
  </head>
  <body>
    <main>
      <h2>{heading}</h2>
      {content}
    </main>
  </body>
</html>
"""


def login(post_url: str, *, back_link: str = "", failed_email: str | None = None) -> str:
    """Render the password form.

    Args:
        failed_email: The address of a failed attempt; adds the error message.
    """
    failed = (
        ""
        if failed_email is None
        else '<div id="login-error" class="dex-error-box">Invalid Email Address and password.</div>'
    )
    back = f'<a href="{escape(back_link)}">Select another login method.</a>' if back_link else ""
    return _FRAME.format(
        heading="Log in to Your Account",
        content=f"""<form method="post" action="{escape(post_url)}">
        <label for="login">Email Address</label>
        <input required id="login" name="login" type="text" placeholder="email address"
          value="{escape(failed_email or "")}" {"" if failed_email else "autofocus"}>
        <label for="password">Password</label>
        <input required id="password" name="password" type="password" placeholder="password"
          {"autofocus" if failed_email else ""}>
        {failed}
        <button id="submit-login" type="submit">Login</button>
      </form>{back}""",
    )


def approval(request_id: str, client_name: str, scopes: Sequence[str]) -> str:
    """Render the approval page. Both of its forms post to the page's own URL."""
    meanings = sorted(_SCOPE_MEANINGS[scope] for scope in scopes if scope in _SCOPE_MEANINGS)
    items = "".join(f"<li>{meaning}</li>" for meaning in meanings)
    summary = (
        f"<div>{escape(client_name)} would like to:</div><ul>{items}</ul>"
        if items
        else f"<div>{escape(client_name)} has not requested any personal information</div>"
    )
    return _FRAME.format(
        heading="Grant Access",
        content=summary
        + _decision_form(request_id, "approve", "Grant Access")
        + _decision_form(request_id, "rejected", "Cancel"),
    )


def error(status: int, message: str) -> str:
    return _FRAME.format(heading=HTTPStatus(status).phrase, content=f"<p>{escape(message)}</p>")


def _decision_form(request_id: str, answer: str, label: str) -> str:
    return f"""
      <form method="post">
        <input type="hidden" name="req" value="{escape(request_id)}">
        <input type="hidden" name="approval" value="{answer}">
        <button type="submit">{label}</button>
      </form>"""
