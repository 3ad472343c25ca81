"""A failure of other plugins or of code that only observes does not fail the run; a line names what is missing."""

from __future__ import annotations

import pytest

from tests.support.fake_stack import CONFTEST
from tests.support.never_costs import run

FAILS = "def test_fails():\n    assert False\n\ndef test_passes():\n    pass\n"


@pytest.fixture
def project(project: pytest.Pytester) -> pytest.Pytester:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_fails=FAILS)
    return project


def add_to_conftest(project: pytest.Pytester, code: str) -> None:
    with (project.path / "conftest.py").open("a") as conftest:
        conftest.write(f"\n{code}\n")


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_setup_that_raises_before_ours(project: pytest.Pytester, workers: list[str]) -> None:
    add_to_conftest(
        project,
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_setup(item):\n    raise ValueError('not today')",
    )
    result = run(project, *workers)

    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(["*ValueError: not today", "*- plexdev logs -*", "  evidence: .plexdev/*"])


DIAGNOSTICS = {
    "return [('file \\udcff', 'text \\udcfe')]": "text \\udcfe",
    "return [('../../../outside', 'text of it')]": "text of it",
    "return [('title', b'bytes \\xff')]": "bytes �",
    "return [('title', None), ('other', 5)]": "None",
    "return {'title': 'from a dict'}": "from a dict",
    "return 'no list'": "not a pair of title and text: no list",
    "return 7": "not a pair of title and text: 7",
    "return [('title', 'text', 'more')]": "not a pair of title and text: ('title', 'text', 'more')",
    "return [('title', 'x' * 50_000_000)]": "… (6 characters before)",
    "return (('title', f'text {n}') for n in __import__('itertools').count())": "text 99",
    "raise ValueError('broken hook')": "the collector failed: ValueError: broken hook",
    "pytest.fail('broken hook')": "the collector failed: Failed: broken hook",
    "pytest.exit('leaving')": "the collector failed: Exit: leaving",
    "raise SystemExit(3)": "the collector failed: SystemExit: 3",
    "raise KeyboardInterrupt": "the collector failed: KeyboardInterrupt",
    "raise Mute": "the collector failed: Mute: it cannot be printed",
}


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_diagnostics_of_any_kind(project: pytest.Pytester, workers: list[str]) -> None:
    answers = "\n".join(f"def answer_{n}():\n    {code}\n" for n, code in enumerate(DIAGNOSTICS))
    add_to_conftest(
        project,
        f"class Mute(Exception):\n    def __str__(self):\n        return 1 / 0\n\n{answers}\n"
        "def pytest_plexdev_diagnostics(stack, item):\n"
        "    return globals()[f'answer_{item.callspec.params[\"n\"]}']()\n",
    )
    project.makepyfile(
        test_fails=f"import pytest\n\n@pytest.mark.parametrize('n', range({len(DIAGNOSTICS)}))\n"
        "def test_fails(n):\n    assert False\n"
    )
    result = run(project, "-W", "error", *workers)

    result.assert_outcomes(passed=1, failed=len(DIAGNOSTICS))
    assert "is missing" not in result.stdout.str()
    kept = {path.read_text().rstrip() for path in (project.path / ".plexdev").glob("*/index.md")}
    for shown in DIAGNOSTICS.values():
        assert any(shown in text for text in kept), shown
        assert shown in result.stdout.str()
    assert not list(project.path.parent.rglob("outside*"))


BREAKAGE = [
    "pytest_plexdev.session.evidence.attach",
    "pytest_plexdev.session.log_copies.keep_logs",
    "pytest_plexdev.session.report.header",
    "pytest_plexdev.session.report.summary",
    "pytest_plexdev.session.report.write_junit_properties",
    "pytest_plexdev.report.page_file.write_page",
    "pytest_plexdev.session.output_directory.Output.write_events",
    "pytest_plexdev.session.run_events.events_of_run",
    "pytest_plexdev.session.run.Run.moment",
    "pytest_plexdev.session.run.Run.remove_evidence",
    "pytest_plexdev.session.run.Run.end",
]


@pytest.mark.parametrize("part", BREAKAGE)
def test_each_part_may_fail(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError("no such luck \udcff")

    monkeypatch.setattr(part, broken)
    result = run(project, "-W", "error", "--junitxml=junit.xml", "--plexdev-report=t.html")

    result.assert_outcomes(passed=2, failed=1)
    assert (project.path / "junit.xml").exists()
    lines = [line for line in (*result.outlines, *result.errlines) if line.startswith("plexdev: warning: ")]
    assert lines
    for line in lines:
        assert line.endswith("is missing: LookupError: no such luck \\udcff")


def test_all_parts_of_a_worker_may_fail(project: pytest.Pytester) -> None:
    patches = "\n".join(f"    _set({part!r})" for part in BREAKAGE)
    add_to_conftest(
        project,
        f"""
def broken(*_, **__):
    raise LookupError("no such luck \\udcff")

def _set(path):
    from _pytest.monkeypatch import derive_importpath
    name, target = derive_importpath(path, raising=True)
    setattr(target, name, broken)

def pytest_configure():
{patches}
""",
    )
    result = run(project, "-W", "error", "--junitxml=junit.xml", "--plexdev-report=t.html", "-n", "1")

    result.assert_outcomes(passed=2, failed=1)
    assert "is missing: LookupError: no such luck \\udcff" in result.stdout.str()


def test_a_warning_is_not_repeated_for_every_test(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pytest_plexdev.session.evidence.attach")
    tests = "\n".join(f"def test_{number}():\n    assert False\n" for number in range(20))
    project.makepyfile(test_many=tests)
    result = run(project)

    assert len([line for line in result.stdout.lines if line.startswith("plexdev: warning: ")]) == 6


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "no:terminal"],
        ["-p", "no:junitxml"],
        ["-p", "no:cacheprovider"],
        ["-p", "no:warnings"],
        ["-p", "no:capture"],
        ["-p", "no:logging"],
        ["-p", "no:skipping"],
        ["-p", "no:faulthandler"],
        ["-p", "no:doctest"],
        ["-p", "no:unittest"],
        ["-p", "no:tmpdir"],
        ["-p", "no:xdist"],
        ["-p", "no:stepwise"],
        ["-p", "no:setuponly"],
    ],
    ids=lambda arguments: arguments[-1],
)
def test_without_another_plugin(project: pytest.Pytester, arguments: list[str]) -> None:
    run(project, *arguments)

    assert [path.name for path in (project.path / ".plexdev").glob("[!.]*/")] == ["test_fails.py-test_fails"]


def test_items_of_other_kinds(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_cases="""
        import unittest

        class TestCases(unittest.TestCase):
            def test_fails(self):
                self.fail("a case")

            def test_has_subtests(self):
                for number in range(2):
                    with self.subTest(number=number):
                        self.fail("a subtest")

            @unittest.expectedFailure
            def test_expected(self):
                self.fail("as expected")
        """,
        documented='def documented():\n    """\n    >>> 1\n    2\n    """\n',
    )
    (project.path / "story.txt").write_text(">>> 1\n2\n")
    add_to_conftest(
        project,
        "class Yaml(pytest.Item):\n"
        "    def runtest(self):\n"
        "        raise ValueError('in a file')\n\n"
        "def pytest_collect_file(file_path, parent):\n"
        "    if file_path.suffix == '.thing':\n"
        "        return Collected.from_parent(parent, path=file_path)\n\n"
        "class Collected(pytest.File):\n"
        "    def collect(self):\n"
        "        yield Yaml.from_parent(self, name='a thing')\n",
    )
    (project.path / "a.thing").write_text("")
    result = run(project, "--doctest-modules", "--doctest-glob=*.txt")

    kept = {path.name.partition("--")[0] for path in (project.path / ".plexdev").glob("[!.]*/")}
    assert kept >= {"documented.py-documented.documented", "story.txt-story.txt", "a.thing-a-thing"}
    assert "test_cases.py-TestCases-test_fails" in kept
    assert "test_cases.py-TestCases-test_expected" not in kept
    result.stdout.no_fnmatch_line("*is missing*")


def test_a_plugin_that_repeats_what_failed(project: pytest.Pytester) -> None:
    # Like pytest-rerunfailures.
    add_to_conftest(
        project,
        """
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for attempt in range(3):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        again = any(report.failed for report in reports) and attempt < 2
        for report in reports:
            if again and report.failed:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if not again:
            return True
""",
    )
    flaky = "ran = []\n\ndef test_flaky():\n    ran.append(1)\n    assert len(ran) == 2\n"
    project.makepyfile(test_flaky=flaky)
    run(project)

    assert [path.name for path in (project.path / ".plexdev").glob("[!.]*/")] == ["test_fails.py-test_fails"]


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONWARNDEFAULTENCODING": "1"},
        {"PYTHONIOENCODING": "ascii:strict", "COLUMNS": "20"},
    ],
    ids=lambda environment: ",".join(environment),
)
def test_narrow_encodings(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    add_to_conftest(
        project,
        "def pytest_plexdev_diagnostics(stack, item):\n    return [('ü', '日本 \\udcff ' * 999)]\n\n"
        "FakeStack.drift = ('seed /ü\\udcff/日本.yaml',)",
    )
    project.makepyfile(
        test_names="import pytest\n\n@pytest.mark.parametrize('p', ['ü', '日'])\ndef test_p(p):\n    assert 0\n"
    )
    workers = ["-n", "1"] if "LC_ALL" in environment else []
    result = project.runpytest_subprocess("--junitxml=junit.xml", "--plexdev-report=t.html", *workers)

    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    result.assert_outcomes(passed=2, failed=3)
    assert len(list((project.path / ".plexdev").glob("[!.]*/"))) == 3
    assert "is missing" not in result.stdout.str() + result.stderr.str()
