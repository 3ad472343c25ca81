"""A project's own seed: on a fresh stack, and on a running stack with the default seed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.process_id import ProcessId
from pytest_plexdev.testkit.leftovers import RunMark, remove_ended

OURS = Path(__file__).parents[3] / "deploy" / "local" / "seed" / "tenants.yaml"
FOUR_FIXTURES = """
import pytest
from pytest_plexdev import PlexdevError

def test_four_fixtures(plexdev_client, plexdev_tenant, plexdev_project, plexdev_node, plexdev_tenants):
    assert plexdev_tenant.domain.slug in {domain.slug for domain in plexdev_client.domains.list()}
    assert plexdev_project.domain_id == plexdev_tenant.domain_id
    assert plexdev_node.id
    assert plexdev_tenants.operator.slug == "delta-corp"

def test_a_slug_is_taken_for_its_tenant(plexdev_login, plexdev_tenants):
    assert plexdev_login("beta-llc").domain_id == plexdev_tenants["beta-llc"].domain_id
    with pytest.raises(PlexdevError, match="no seeded Domain acme-corp"):
        plexdev_login("acme-corp")
    with pytest.raises(TypeError, match=", not a NoneType"):
        plexdev_login(None)
"""


@pytest.fixture
def project(project: pytest.Pytester) -> pytest.Pytester:
    """A project whose seed has delta-corp, with other ids and addresses, instead of acme-corp."""
    seed = OURS.read_text("utf-8").replace("acme-corp", "delta-corp").replace("00000000ac", "00000000de")
    (project.path / "seed.yaml").write_text(seed.replace("10.64.", "10.70."), "utf-8")
    project.makeconftest("def pytest_plexdev_seed(config):\n    return config.rootpath / 'seed.yaml'\n")
    project.makepyfile(test_seed=FOUR_FIXTURES)
    return project


def test_a_seed_without_acme_corp(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("-k", "seed").assert_outcomes(passed=2)


def test_another_seed_on_a_running_stack_is_drift(project: pytest.Pytester, stack: StackInfo) -> None:
    refused = project.runpytest_subprocess("--dev-stack", "-k", "seed", "-p", "no:cacheprovider")
    refused.assert_outcomes(errors=1, skipped=1)
    refused.stdout.fnmatch_lines(["plexdev[[]seed-drifted[]]: *from another manifest than *seed.yaml"])
    refused.stdout.fnmatch_lines(
        ["  fix: *plexdev down --stack embedded && plexdev up --port 0 --idp-port 0 --seed */seed.yaml"]
    )

    ignored = project.runpytest_subprocess("--dev-stack", "-k", "four", "--plexdev-on-drift=ignore")
    ignored.assert_outcomes(failed=1)  # the stack has acme-corp
    ignored.stdout.fnmatch_lines(["  drift (ignored): seed"])

    applied = project.runpytest_subprocess("--dev-stack", "-k", "seed", "--plexdev-on-drift=apply", "-n", "2")
    applied.assert_outcomes(passed=2)
    project.runpytest_subprocess("--dev-stack", "-k", "four").assert_outcomes(passed=1)


HOOK_THAT_RAISES = """
import json

def read(name):
    return inner(name)

def inner(name):
    raise LookupError(f"no {name} for postgresql://u:s3cr3t@h/db")

def {hook}(config):
    return read("tenants")
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
@pytest.mark.parametrize("hook", ["pytest_plexdev_seed", "pytest_plexdev_overlay"])
def test_a_hook_that_raises_is_named_with_its_file(project: pytest.Pytester, hook: str, workers: list[str]) -> None:
    project.makeconftest(HOOK_THAT_RAISES.replace("{hook}", hook))
    arguments = ["--plexdev-stack=kind"] if hook.endswith("overlay") else []
    result = project.runpytest_subprocess("-k", "seed", *arguments, *workers)

    result.assert_outcomes(errors=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            f"plexdev[[]hook-failed[]]: the hook {hook} of conftest.py raised LookupError: *u:[*][*][*]@h/db",
            "  why: the hook provides the *, so nothing was started",
            "  | conftest.py:10, in " + hook,
            '  |     return read("tenants")',
            "  | conftest.py:4, in read",
            "  | conftest.py:7, in inner",
            "  fix: correct conftest.py:7",
        ]
    )
    result.stdout.no_fnmatch_line("*pluggy/*")
    result.stdout.no_fnmatch_line("*Traceback*")
    assert "s3cr3t" not in result.stdout.str()


def test_a_hook_that_refuses_in_its_own_words_is_let_through(project: pytest.Pytester) -> None:
    project.makeconftest("import pytest\n\ndef pytest_plexdev_seed(config):\n    pytest.skip('no seed here')\n")
    project.runpytest_subprocess("-k", "four").assert_outcomes(skipped=1)


def test_a_seed_that_contradicts_what_is_there(project: pytest.Pytester, stack: StackInfo) -> None:
    seed = OURS.read_text("utf-8").replace("acme-corp", "echo-corp")  # with acme-corp's id
    (project.path / "seed.yaml").write_text(seed, "utf-8")

    refused = project.runpytest_subprocess("--dev-stack", "-k", "seed", "--plexdev-on-drift=apply")

    refused.stdout.fnmatch_lines(["*manifest cannot be used*00000000ac01) already exists*"])
    refused.stdout.no_fnmatch_line("*Traceback*")


def test_a_run_removes_only_the_domains_of_finished_runs(project: pytest.Pytester, stack: StackInfo) -> None:
    (project.path / "seed.yaml").write_text(OURS.read_text("utf-8"), "utf-8")
    project.makepyfile(
        test_seed="""
        import json, pathlib

        def test_leaves(plexdev_node, plexdev_tenant):
            assert plexdev_tenant.login.domain_id == plexdev_tenant.domain_id
            pathlib.Path("left").write_text(plexdev_tenant.domain_id)

        def test_tenant(plexdev_tenant):
            pass
        """
    )
    ignore = "--plexdev-on-drift=ignore"
    project.runpytest_subprocess("--dev-stack", ignore, "-k", "leaves").assert_outcomes(passed=1)
    left = (project.path / "left").read_text()
    ours = RunMark.of(os.getpid())
    assert stack.endpoints.database is not None
    with psycopg.connect(stack.endpoints.database, autocommit=True) as connection:
        insert = "INSERT INTO plexsphere.domains (id, slug, name, mesh_cidr, description) VALUES (%s, %s, 'x', %s, %s)"
        elsewhere = replace(ours, namespace="another/place")
        for number, text in enumerate(["", str(ours), str(elsewhere), "plexdev run: whatever"]):
            domain, slug = f"00000000-0000-7000-8000-00000000000{number}", f"t-000000000{number}"
            connection.execute(insert, [domain, slug, f"10.12{number}.0.0/16", text])
        before = {str(row[0]) for row in connection.execute("SELECT id FROM plexsphere.domains").fetchall()}
        assert left in before
        project.runpytest_subprocess("--dev-stack", ignore, "-k", "tenant").assert_outcomes(passed=1)
        after = {str(row[0]) for row in connection.execute("SELECT id FROM plexsphere.domains").fetchall()}

        assert before - after >= {left}
        assert len([each for each in after if each.startswith("00000000-")]) == 4
        connection.execute("UPDATE plexsphere.domains SET created_at = now() - interval '2 days'")
        assert remove_ended(connection) == ["00000000-0000-7000-8000-000000000002"]


def test_a_run_mark_tells_whether_its_run_has_ended() -> None:
    mark = RunMark.of(os.getpid())

    assert RunMark.parse(str(mark)) == mark
    assert RunMark.parse("anything else") is None
    assert not mark.has_ended(is_old=True)
    assert replace(mark, owner=ProcessId(mark.owner.pid, mark.owner.started - 1)).has_ended(is_old=False)
    assert not replace(mark, namespace="x").has_ended(is_old=False)
    assert replace(mark, namespace="x").has_ended(is_old=True)
