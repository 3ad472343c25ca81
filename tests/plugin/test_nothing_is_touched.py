from __future__ import annotations

import pytest

USES_THE_STACK = "def test_stack(plexdev_stack):\n    pass\n"


@pytest.mark.parametrize("argument", ["--help", "--markers", "--fixtures", "--collect-only", "--setup-plan"])
def test_looking_needs_nothing(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    project.makepyfile(test_stack=USES_THE_STACK)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("TMPDIR", str(project.mkdir("tmp")))
    result = project.runpytest_subprocess(argument)

    assert result.ret == 0
    assert list((project.path / "tmp").iterdir()) == []
    assert not (project.path / ".plexdev").exists()


def test_fixtures_are_listed_with_what_they_are(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--fixtures")

    for name in ("stack", "tenants", "login", "client", "tenant", "project", "node", "events", "db", "kube"):
        result.stdout.fnmatch_lines([f"plexdev_{name}*"])
    result.stdout.fnmatch_lines(["*The running stack: its addresses, clients, verdicts and logs (``Stack``).*"])


def test_a_run_that_asks_for_nothing_imports_and_starts_nothing(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = project.mkdir("tmp")
    monkeypatch.setenv("TMPDIR", str(temporary))
    project.makeconftest(
        """
        import sys

        def pytest_unconfigure(config):
            heavy = {"httpx", "msgspec", "psycopg", "nats", "tenacity", "filelock", "kubernetes", "rich", "docker"}
            heavy |= {"hvac", "minio"}
            ours = {name for name in sys.modules if name.startswith("pytest_plexdev.")}
            print("heavy:", sorted(heavy & set(sys.modules)))
            print("ours:", sorted(ours))
        """
    )
    result = project.runpytest_subprocess()

    result.stdout.fnmatch_lines(["*heavy: []"])
    options = ["options", *(f"options.{name}" for name in ("environment", "model", "parsers", "resolver", "table"))]
    core = ["core", *(f"core.{name}" for name in ("clock", "profiles", "start_directory", "temporary"))]
    modules = ("base_url", "guard", "item_checks", "other_reports", "ran_tests", "report", "run")
    session = ["session", *(f"session.{name}" for name in modules)]
    fixtures = ["factory_fixtures", "fixtures"]
    ours = ["base_url_fixtures", *core, *fixtures, "hookspecs", *options, "plugin", "service_fixtures", *session]
    result.stdout.fnmatch_lines_random([f"*ours: {['pytest_plexdev.' + name for name in ours]}".replace("[", "[[]")])
    assert not list(temporary.glob("plexdev-*"))


def test_the_public_names_are_importable() -> None:
    import pytest_plexdev

    assert sorted(pytest_plexdev.__all__) == dir(pytest_plexdev)
    for name in pytest_plexdev.__all__:
        assert getattr(pytest_plexdev, name).__module__.startswith("pytest_plexdev")
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        pytest_plexdev.Nonsense  # noqa: B018
