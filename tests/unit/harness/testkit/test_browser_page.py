from __future__ import annotations

from pytest_plexdev.testkit.html_page import Page

LOGIN = """
<form method="post" action="/dex/auth/local/login?state=abc&amp;back=">
  <input required id="login" name="login" type="text" placeholder="email"/>
  <input required id="password" name="password" type="password"/>
  <div id="login-error" class="dex-error-box">Invalid Email Address and password.</div>
  <button tabindex="3" id="submit-login" type="submit">Login</button>
</form>
"""
APPROVAL = """
<form method="post"><input type="hidden" name="req" value="r&amp;1"/>
<input type="hidden" name="approval" value="approve"><button type="submit">Grant Access</button></form>
<form method="post"><input type="hidden" name="req" value="r"/>
<input type="hidden" name="approval" value="rejected"><button type="submit">Cancel</button></form>
"""


def test_a_login_form() -> None:
    page = Page(LOGIN)

    (form,) = page.forms
    assert (form.method, form.action) == ("post", "/dex/auth/local/login?state=abc&back=")
    assert form.inputs == {"login", "password"}
    assert page.error == "Invalid Email Address and password."


def test_the_first_form_of_an_approval_page_says_yes() -> None:
    page = Page(APPROVAL)

    assert page.forms[0].fields == {"req": "r&1", "approval": "approve"}
    assert page.error == ""
