"""Compare the real Dex with the stand-in: the same login gets the same answers in each step."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.dex_wire import S256, VERIFIER, Login, Transcript, discovery_of, key_shapes, sign_in

if TYPE_CHECKING:
    from tests.support.dex import Idp

NOT_SERVED: Final = {
    "device_authorization_endpoint": None,
    "grant_types_supported": [
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ],
}
"""Dex's own device grant and token exchange, which no part of plexsphere asks for: the stand-in names neither."""
PKCE: Final = {"code_challenge": S256, "code_challenge_method": "S256"}
CALLBACK: Final = "http://localhost:8080/v1/auth/callback"

_scopes = st.lists(
    st.sampled_from(["openid", "email", "profile", "groups", "offline_access", "federated:id", "nonsense", "OpenID"]),
    max_size=6,
).map(lambda names: " ".join(["openid", *names]))
_requests: st.SearchStrategy[dict[str, str | None]] = st.one_of(
    st.fixed_dictionaries({"scope": _scopes}),
    st.fixed_dictionaries({"scope": _scopes, "approval_prompt": st.sampled_from(["force", "auto", "", "x"])}),
    st.fixed_dictionaries({"scope": _scopes, "prompt": st.sampled_from(["none", "login", "consent", "x", ""])}),
    st.fixed_dictionaries({"nonce": st.sampled_from([None, "", "n", "ümlaut & more", "x" * 300])}),
    st.fixed_dictionaries({"state": st.sampled_from([None, "", "a b+c%20d", "ümlaut", "x" * 300])}),
    st.fixed_dictionaries(
        {"response_type": st.sampled_from([None, "", "code", "code code", "token", "id_token", "x"])}
    ),
    st.fixed_dictionaries({"response_mode": st.sampled_from(["query", "fragment", "form_post"])}),
    st.fixed_dictionaries(
        {"redirect_uri": st.sampled_from([None, CALLBACK, f"{CALLBACK}/", "http://localhost:8080/"])}
    ),
    st.fixed_dictionaries({"client_id": st.sampled_from([None, "", "unknown", "other"])}),
    st.fixed_dictionaries(
        {
            "code_challenge": st.sampled_from([S256, VERIFIER, "", "short"]),
            "code_challenge_method": st.sampled_from([None, "", "S256", "plain", "s256"]),
        }
    ),
    st.fixed_dictionaries({"login_hint": st.just("admin@example.com"), "max_age": st.sampled_from(["0", "-1", "x"])}),
)
_typed = st.one_of(
    st.just((("admin@example.com", "password"),)),
    st.lists(
        st.tuples(
            st.sampled_from(["admin@example.com", "ADMIN@example.com", " admin@example.com", "nobody@example.com", ""]),
            st.sampled_from(["password", "Password", "", "x" * 100, "ümlaut"]),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)
_exchanges: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.fixed_dictionaries({"code_verifier": st.sampled_from([VERIFIER, S256, "", "wrong"])}),
    st.fixed_dictionaries({"client_secret": st.sampled_from(["", "wrong"])}),
    st.fixed_dictionaries({"client_id": st.sampled_from(["", "unknown", "other"])}),
    st.fixed_dictionaries(
        {"redirect_uri": st.sampled_from(["", f"{CALLBACK}/", "http://localhost:8080/other?kept=1"])}
    ),
    st.fixed_dictionaries({"grant_type": st.sampled_from(["", "client_credentials", "refresh_token", "x"])}),
    st.fixed_dictionaries({"code": st.sampled_from(["", "wrong"])}),
)
_refreshes: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.fixed_dictionaries({"scope": _scopes}),
    st.fixed_dictionaries({"client_secret": st.sampled_from(["", "wrong"])}),
    st.fixed_dictionaries({"refresh_token": st.sampled_from(["", "wrong"])}),
)


@st.composite
def _logins(draw: st.DrawFn) -> Login:
    """A login with one or two unusual parts, so that later steps are reached too."""
    odd = draw(st.sets(st.sampled_from(["request", "typed", "approval", "exchange", "refresh"]), max_size=2))
    plain = draw(
        st.sampled_from(
            [
                Login(),
                Login(request=PKCE, exchange={"code_verifier": VERIFIER}),
                Login(request={"scope": "openid email offline_access", "approval_prompt": "force"}),
            ]
        )
    )
    return Login(
        request={**plain.request, **(draw(_requests) if "request" in odd else {})},
        typed=draw(_typed) if "typed" in odd else plain.typed,
        approval=draw(st.sampled_from(["rejected", "", "x"])) if "approval" in odd else plain.approval,
        exchange={**plain.exchange, **(draw(_exchanges) if "exchange" in odd else {})},
        refresh=draw(_refreshes) if "refresh" in odd else plain.refresh,
    )


def test_the_discovery_document_names_the_same(stand_in: Idp, dex: Idp) -> None:
    ours, theirs = dict(discovery_of(stand_in)), dict(discovery_of(dex))
    for name, unserved in NOT_SERVED.items():
        value = theirs.pop(name)
        if unserved is not None:
            theirs[name] = [each for each in value if each not in unserved]

    assert ours == theirs
    assert key_shapes(stand_in) == key_shapes(dex)


def test_the_same_login_gets_the_same_answers(stand_in: Idp, dex: Idp) -> None:
    outcomes: Counter[str] = Counter()

    # The same examples in every run, beside those that must not be missing.
    @settings(
        max_examples=100,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @example(login=Login())
    @example(login=Login(request=PKCE, exchange={"code_verifier": VERIFIER}))
    @example(login=Login(request={"scope": "openid email offline_access", "approval_prompt": "force"}))
    @example(login=Login(request={"approval_prompt": "force"}, approval="rejected"))
    @given(login=_logins())
    def compare(login: Login) -> None:
        ours, theirs = sign_in(stand_in, login), sign_in(dex, login)
        difference = _first_difference(ours, theirs)
        assert not difference, f"{login}\n{difference}"
        outcomes[_outcome(ours)] += 1

    compare()

    assert outcomes["tokens"] >= 10, outcomes
    assert min(outcomes[each] for each in ("refused by the provider", "refused a token", "no code")) >= 3, outcomes


def _outcome(told: Transcript) -> str:
    steps = {step["what"]: step["status"] for step in told}
    if steps.get("token") == 200:
        return "tokens"
    if "token" in steps:
        return "refused a token"
    return "no code" if "password" in steps else "refused by the provider"


def _first_difference(ours: Transcript, theirs: Transcript) -> str:
    for mine, real in zip(ours, theirs, strict=False):
        if mine != real:
            parts = [part for part in sorted({*mine, *real}) if mine.get(part) != real.get(part)]
            differences = (f"  {part}\n    ours {mine.get(part)!r}\n    Dex  {real.get(part)!r}" for part in parts)
            return f"at {mine['what']}:\n" + "\n".join(differences)
    return "" if ours == theirs else f"ours ends after {len(ours)} steps, Dex after {len(theirs)}"
