from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_reference.rules.secret_references import (
    OpenBaoReference,
    environment_reference,
    openbao_reference,
)

DOMAIN = UUID("01985a00-0000-7000-8000-00000000ac01")
OTHER = UUID("01985a00-0000-7000-8000-00000000be01")
BELOW = f"domains/{DOMAIN}"


@pytest.mark.parametrize("path", ["dex", "idp/dex", "a.b-c_d/9/_x", "x.."])
def test_a_path_below_the_domain_is_its_own(path: str) -> None:
    named = openbao_reference(f"openbao:{BELOW}/{path}#client_secret", domain_id=DOMAIN)

    assert named == OpenBaoReference(f"{BELOW}/{path}", "client_secret")


@pytest.mark.parametrize(
    "reference",
    [
        f"openbao:domains/{OTHER}/dex#k",
        f"openbao:domains/{str(DOMAIN).upper()}/dex#k",
        f"openbao:domains/{DOMAIN.hex}/dex#k",
        f"openbao:{BELOW}#k",
        f"openbao:{BELOW}/#k",
        f"openbao:{BELOW}/.#k",
        f"openbao:{BELOW}/..#k",
        f"openbao:{BELOW}/dex/#k",
        f"openbao:{BELOW}/dex//x#k",
        f"openbao:{BELOW}/%2e%2e/x#k",
        f"openbao:{BELOW}/dex%2Fx#k",
        f"openbao:{BELOW}/dex x#k",
        f"openbao:{BELOW}/dex?x#k",
        f"openbao:{BELOW}/dex\\x#k",
        f"openbao:{BELOW}/düx#k",
        f"openbao:{BELOW}/dex#",
        f"openbao:{BELOW}/dex",
        f"openbao:{BELOW}/dex##k",
        f"openbao:{BELOW}/dex#k\n",
        f"\nopenbao:{BELOW}/dex#k",
        f"OPENBAO:{BELOW}/dex#k",
        f"openbao:/{BELOW}/dex#k",
        f"openbao://{BELOW}/dex#k",
        f"openbao:secret/data/{BELOW}/dex#k",
    ],
)
def test_every_other_form_names_nothing(reference: str) -> None:
    assert openbao_reference(reference, domain_id=DOMAIN) is None


@given(st.text(alphabet="ab./%#?\\ \n:", max_size=12), st.text(alphabet="ab./%#\n", max_size=4))
def test_whatever_is_named_stays_below_the_domain(path: str, key: str) -> None:
    named = openbao_reference(f"openbao:{BELOW}/{path}#{key}", domain_id=DOMAIN)

    if named is not None:
        segments = named.path.split("/")
        assert segments[:2] == ["domains", str(DOMAIN)]
        assert len(segments) > 2
        assert not {"", ".", ".."} & set(segments)
        assert not set(named.path) & set("%?#\\ \n")
        assert named.key


def test_a_variable_is_paired_with_that_of_its_url() -> None:
    named = environment_reference("env:PLEXSPHERE_MY_IDP2_CLIENT_SECRET")

    assert named is not None
    assert named.variable == "PLEXSPHERE_MY_IDP2_CLIENT_SECRET"
    assert named.discovery_url_variable == "PLEXSPHERE_MY_IDP2_DISCOVERY_URL"


@pytest.mark.parametrize("reference", ["env:", "env:PLEXSPHERE_CURSOR_KEY", "env:plexsphere_x_client_secret", "env:x"])
def test_no_other_variable_is_a_client_secret(reference: str) -> None:
    assert environment_reference(reference) is None
