from __future__ import annotations

import re

from plexsphere_reference.http.app import operations
from plexsphere_reference.http.docs_page import docs_page
from plexsphere_reference.http.unimplemented import Unbuilt
from plexsphere_reference.settings import Settings

LEAN = Settings.read({"PLEXSPHERE_DATABASE_URL": "postgresql://localhost/plexsphere"})


def test_it_names_what_an_operation_lacks_here() -> None:
    built = [each for each in operations() if each.path in ("/v1/health", "/v1/domains") and each.method == "GET"]
    page = docs_page(built, [Unbuilt("mesh", "POST", "/v1/keys/rotate")], LEAN)

    text = bytes(page.body).decode()
    answers = dict(re.findall(r"<code>([^<]*)</code>.*?<td class=\"answer[^>]*>([^<]*)</td>", text))
    assert answers == {
        "/v1/domains": "501: needs PLEXSPHERE_CURSOR_KEY",
        "/v1/health": "built",
        "/v1/keys/rotate": "501: not built",
    }
    assert "3 operations in 3 surfaces. 1 of them answer; the other 2 answer 501." in text
    assert '<a href="/v1/health">' in text
    assert text.index('href="#meta"') < text.index("answer 501 only") < text.index('href="#domains"')
