"""The golden flow and sign-ins with the real Dex and SpiceDB, in one bring-up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.servers import find_real, leave_out

pytestmark = pytest.mark.real

SIGN_INS = """
import pytest
from pytest_plexdev import PlexdevError


def test_each_seeded_admin_signs_in(plexdev_tenants, plexdev_login):
    for tenant in plexdev_tenants.values():
        login = plexdev_login(tenant)
        assert (login.user, login.domain_id) == ("admin@example.com", tenant.domain_id)
        assert login.whoami().domain_id == tenant.domain_id


def test_somebody_who_was_never_there_signs_in(plexdev_tenants, plexdev_login):
    login = plexdev_login(plexdev_tenants["acme-corp"], user="member@example.com")
    assert login.user == "member@example.com"
    assert login.token != plexdev_login(plexdev_tenants["acme-corp"]).token


@pytest.mark.parametrize(
    ("user", "password"), [("admin@example.com", "wrong-word"), ("nobody@example.com", "password")]
)
def test_a_refusal_is_dexs_own(plexdev_tenants, plexdev_login, user, password):
    plexdev_login(plexdev_tenants["acme-corp"])
    with pytest.raises(PlexdevError) as refusal:
        plexdev_login(plexdev_tenants["acme-corp"], user=user, password=password)

    assert refusal.value.tag == "sign-in-refused"
    assert "Invalid Email Address and password." in str(refusal.value)
    assert "wrong-word" not in str(refusal.value)
"""


@pytest.fixture
def real_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real programs, put on ``PATH``."""
    programs = {name: find_real(name) for name in ("dex", "spicedb")}
    missing = [name for name, program in programs.items() if program is None]
    if missing:
        leave_out(f"no {' and no '.join(missing)} on PATH, nor in $TESTBED_CACHE/bin: the real parts are not tested")
    directory = tmp_path / "bin"
    directory.mkdir()
    for name, program in programs.items():
        (directory / name).symlink_to(str(program))
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)
    monkeypatch.delenv("PLEXDEV_PREFER", raising=False)


@pytest.mark.usefixtures("real_parts")
def test_the_golden_flow_and_sign_ins_with_the_real_parts(project: pytest.Pytester) -> None:
    project.makepyfile(test_sign_ins=SIGN_INS)
    result = project.runpytest_subprocess("-v", "--pyargs", "pytest_plexdev.golden", "test_sign_ins.py")

    result.assert_outcomes(passed=9 + 4)
    result.stdout.fnmatch_lines(
        [
            "plexdev: embedded stack (default)*; Dex and SpiceDB from PATH, else stand-ins",
            "  ran: postgres 16.*, nats 2.*, dex 2.*, spicedb 1.*",
            "  stand-ins: plexsphere-signer (reference) *",
        ]
    )
    result.stdout.no_fnmatch_line("*(stand-in) for Dex*")
    result.stdout.no_fnmatch_line("*over Postgres*")
