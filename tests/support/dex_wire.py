"""Record the HTTP exchanges of a login in a form that can be compared: generated values are replaced by names."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

if TYPE_CHECKING:
    from tests.support.dex import Idp

Step: TypeAlias = dict[str, Any]
Transcript: TypeAlias = list[Step]

VERIFIER: Final = "a-code-verifier-of-at-least-forty-three-characters"
S256: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
_HEADERS: Final = ("content-type", "cache-control", "pragma", "www-authenticate", "set-cookie")
_MADE_UP: Final = ("code", "req", "hmac")
"""Parameters and fields whose values a provider generates; on its own pages also ``state``."""
_MOST_REDIRECTS: Final = 6


@dataclass(frozen=True, kw_only=True)
class Login:
    """One variant of a sign-in; by default, client and user behave correctly.

    Attributes:
        request: Changes of the authorization request; ``None`` leaves a parameter out.
        typed: E-mail address and password, until one is accepted.
        approval: The answer to the approval page, if one is shown.
        exchange: Changes of the token request.
        refresh: Changes of the refresh request, if there is a refresh token.
    """

    request: Mapping[str, str | None] = field(default_factory=dict)
    typed: tuple[tuple[str, str], ...] = (("admin@example.com", "password"),)
    approval: str = "approve"
    exchange: Mapping[str, str] = field(default_factory=dict)
    refresh: Mapping[str, str] = field(default_factory=dict)


def discovery_of(idp: Idp) -> Mapping[str, Any]:
    """Return the discovery document with the issuer replaced by a name."""
    answer = idp.http.get(idp.url("/.well-known/openid-configuration"))
    document: Mapping[str, Any] = json.loads(answer.text.replace(idp.config.issuer, "<issuer>"))
    return document


def key_shapes(idp: Idp) -> list[Mapping[str, str]]:
    """Return the published keys without their random values."""
    keys = idp.http.get(idp.url("/keys")).json()["keys"]
    return [{**key, "kid": "<kid>", "n": f"<{len(key['n'])} characters>"} for key in keys]


def sign_in(idp: Idp, login: Login) -> Transcript:
    """Sign in, and record every response."""
    return _Flow(idp, login).go()


class _Flow:
    def __init__(self, idp: Idp, login: Login) -> None:
        self._idp = idp
        self._login = login
        self._transcript: Transcript = []

    def go(self) -> Transcript:
        answer = self._follow("authorize", self._idp.http.get(self._idp.authorize_url(**self._login.request)))
        for email, password in self._login.typed:
            if 'name="password"' not in answer.text:
                break
            answer = self._follow("password", self._post_form(answer, login=email, password=password))
        if 'name="approval"' in answer.text:
            answer = self._follow("approval", self._post_form(answer, approval=self._login.approval))
        code = httpx.URL(answer.headers.get("location", "")).params.get("code")
        if code:
            self._redeem(code)
        return self._transcript

    def _redeem(self, code: str) -> None:
        answer = self._record("token", self._idp.exchange(code, **self._login.exchange), code=code)
        self._record("token again", self._idp.exchange(code, **self._login.exchange))
        if answer.status_code != httpx.codes.OK:
            return
        tokens = answer.json()
        access = {"Authorization": f"Bearer {tokens['access_token']}"}
        self._record("userinfo", self._idp.http.get(self._idp.url("/userinfo"), headers=access))
        questions = {"token": tokens["access_token"]}
        self._record("introspection", self._idp.http.post(self._idp.url("/token/introspect"), data=questions))
        if "refresh_token" in tokens:
            self._record("refresh", self._idp.refresh(tokens["refresh_token"], **self._login.refresh))
            self._record("refresh again", self._idp.refresh(tokens["refresh_token"], **self._login.refresh))

    def _follow(self, what: str, answer: httpx.Response) -> httpx.Response:
        self._record(what, answer)
        for _ in range(_MOST_REDIRECTS):
            target = urljoin(str(answer.url), answer.headers.get("location", ""))
            if not answer.is_redirect or not target.startswith(self._idp.config.issuer):
                return answer
            answer = self._record("redirect", self._idp.http.get(target))
        raise AssertionError(f"{self._idp.kind} redirects for ever: {answer.url}")

    def _post_form(self, page: httpx.Response, **typed: str) -> httpx.Response:
        (form, *_) = Page(page.text).forms
        fields = {name: value for name, value in form["fields"].items() if name}
        return self._idp.http.post(urljoin(str(page.url), form["action"]), data=fields | typed)

    def _record(self, what: str, answer: httpx.Response, *, code: str | None = None) -> httpx.Response:
        self._transcript.append(_Normalizer(self._idp.config.issuer, code).normalized(what, answer))
        return answer


class _Normalizer:
    def __init__(self, issuer: str, code: str | None) -> None:
        self._issuer = issuer
        self._code = code

    def normalized(self, what: str, answer: httpx.Response) -> Step:
        step: Step = {"what": what, "status": answer.status_code}
        headers = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
        if answer.is_redirect:
            headers.pop("content-type", None)  # the body of a redirect is not used
            step["to"] = self._address(answer.headers["location"])
        elif "json" in headers.get("content-type", ""):
            step["body"] = self._json(answer.json())
        else:
            step["page"] = self._page(answer.text)
        return step | {"headers": headers}

    def _address(self, address: str) -> Mapping[str, Any]:
        parts = urlsplit(address)
        ours = not parts.netloc or address.startswith(self._issuer)
        made_up = (*_MADE_UP, "state") if ours and "/login" in parts.path else _MADE_UP
        query = {
            name: f"<{name}>" if name in made_up and value else value
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        }
        return {"where": address.partition("?")[0].replace(self._issuer, "<issuer>"), "query": query}

    def _page(self, text: str) -> Mapping[str, Any]:
        page = Page(text)
        forms = [
            {
                **form,
                "action": self._address(form["action"]),
                "fields": {name: "<req>" if name == "req" else value for name, value in form["fields"].items()},
            }
            for form in page.forms
        ]
        return {"text": page.text.replace(self._issuer, "<issuer>"), "forms": forms}

    def _json(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: self._member(name, value, body) for name, value in body.items()}

    def _member(self, name: str, value: object, body: Mapping[str, Any]) -> object:
        if name in ("id_token", "access_token") and isinstance(value, str):
            header, claims = _parts(value)
            normalized = self._json({**claims, "<access token>": body["access_token"]})
            return {**normalized, "header": {**header, "kid": "<kid>"}}
        if name == "<access token>":
            return ""
        if name == "refresh_token":
            return "<refresh token>"
        if name in ("exp", "iat", "nbf"):
            return f"<iat + {value - body['iat']}>" if isinstance(value, int) else repr(value)
        if name == "expires_in":
            return f"<about {round(value, -2)}>" if isinstance(value, int) else repr(value)
        if name == "at_hash":
            # In an access token it is the hash of another access token, which is unknown here.
            fits = value == _half_hash(str(body.get("<access token>", "")))
            return "<of the access token>" if fits else f"<{len(str(value))} characters>"
        if name == "c_hash":
            return "<of the code>" if self._code and value == _half_hash(self._code) else value
        return value.replace(self._issuer, "<issuer>") if isinstance(value, str) else value


class Page(HTMLParser):
    """The visible text of a page, and the fields of its forms."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._words: list[str] = []
        self._unread = ""
        self.feed(html)

    @property
    def text(self) -> str:
        return " ".join(self._words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._unread = tag if tag in ("style", "script") else ""
        if tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "method": attributes.get("method", "get")})
            self.forms[-1] |= {"fields": {}, "ids": [], "required": []}
        if tag not in ("input", "button") or not self.forms:
            return
        form = self.forms[-1]
        if name := attributes.get("name"):
            form["fields"][name] = attributes.get("value", "")
        if "id" in attributes:
            form["ids"].append((attributes["id"], attributes.get("type", "")))
        if "required" in attributes:
            form["required"].append(attributes.get("name"))

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self._words += data.split()

    def handle_endtag(self, tag: str) -> None:
        self._unread = ""


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT."""
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]
    )
    return header, claims


def _half_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()
