from __future__ import annotations

from pathlib import Path

import pytest

TWO_TESTS = """
def test_one(plexdev_stack):
    pass

def test_two(plexdev_tenant):
    pass
"""


SOMEWHERE_ELSE = """
apiVersion: v1
kind: Config
contexts: [{name: kind-plexsphere, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://192.0.2.1:6443"}}]
users: [{name: u, user: {token: t}}]
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_dev_stack_without_one_is_one_message(project: pytest.Pytester, workers: list[str]) -> None:
    project.makepyfile(test_stack=TWO_TESTS)
    result = project.runpytest_subprocess("--dev-stack", "-p", "no:cacheprovider", *workers)

    result.assert_outcomes(passed=1, errors=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]stack-missing[]]: no stack is running",
            "  why: looked for a kind cluster with the context kind-plexsphere and for an embedded stack in *",
            "  fix: plexdev up",
            "ERROR test_stack.py::test_* - plexdev[[]stack-missing[]]: *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plexdev/*.py:*")


@pytest.mark.parametrize("stack", ["kind", "embedded"])
def test_only_the_kind_of_stack_that_is_named_is_looked_for(project: pytest.Pytester, stack: str) -> None:
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess("--dev-stack", f"--plexdev-stack={stack}")

    result.assert_outcomes(passed=1, errors=1)
    up = "plexdev up --stack kind" if stack == "kind" else "plexdev up"
    result.stdout.fnmatch_lines([f"  why: looked for a*{stack} *", f"  fix: {up}"])
    result.stdout.no_fnmatch_line("  why: * and for *")


def test_a_cluster_that_is_not_of_this_machine_is_refused(project: pytest.Pytester, state_directory: Path) -> None:
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    kubeconfig = state_directory / "no-kubeconfig"
    kubeconfig.parent.mkdir()
    kubeconfig.write_text(SOMEWHERE_ELSE)
    result = project.runpytest_subprocess("--dev-stack")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["plexdev[[]not-loopback[]]: * kind-plexsphere of * points at https://192.0.2.1:6443*"])


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_fresh_cluster_without_docker_is_one_message(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    project.makeconftest(
        """
        import pathlib

        def pytest_plexdev_overlay(config):
            pathlib.Path("asked").touch()
        """
    )
    project.makepyfile(test_stack=TWO_TESTS)
    monkeypatch.setenv("PATH", "")
    result = project.runpytest_subprocess("--plexdev-stack=kind", "-p", "no:cacheprovider", *workers)

    result.assert_outcomes(passed=1, errors=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]tool-missing[]]: docker is not on PATH",
            "  fix: *; without Docker: pytest --plexdev-stack=embedded, or plexdev up",
            "ERROR test_stack.py::test_* - plexdev[[]tool-missing[]]: *",
        ]
    )
    assert (project.path / "asked").exists()
    result.stdout.no_fnmatch_line("*Traceback*")


def test_who_needs_no_stack_may_name_any(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_STACK", "kind")

    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_an_expected_failure_in_a_test_is_its_text_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_raises="""
        from pytest_plexdev.errors import PlexdevError, SEED_MISSING

        def test_raises():
            try:
                raise ValueError("inner")
            except ValueError as error:
                raise PlexdevError(SEED_MISSING, slug="x", found="nothing", log="it") from error
        """
    )
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]seed-missing[]]: the stack has no seeded Domain x",
            "  at: *test_raises.py:7",
            "FAILED test_raises.py::test_raises - plexdev[[]seed-missing[]]: *",
        ]
    )
    result.stdout.no_fnmatch_line("*inner*")
