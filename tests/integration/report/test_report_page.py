"""The report in a real browser: search, filters and keys, every width, and what axe-core finds.

``PLEXDEV_TEST_AXE`` is the path of ``axe.min.js`` from the npm package axe-core.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.report.events import Event
from pytest_plexdev.report.page import render
from tests.support.chromium import CHROMIUM, Tab, open_tab
from tests.support.run_events import HOSTILE, began, bring_up, ended, failure, outcome, whole_run

AXE = os.environ.get("PLEXDEV_TEST_AXE")
TESTS_SHOWN = "[...document.querySelectorAll('tr.test:not([hidden])')].map(each => each.dataset.test.split('::')[1])"
OPEN = "[...document.querySelectorAll('details.failure')].map(each => each.open)"
PRESSED = "document.querySelector('button[aria-pressed=true]').dataset.filter"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with open_tab(tmp_path_factory.mktemp("profile"), scripts=True) as tab:
        yield tab


@pytest.fixture
def page(tab: Tab, tmp_path: Path) -> Iterator[Tab]:
    tab.look(width=1000)
    show(tab, tmp_path, render([whole_run()]))
    yield tab
    assert tab.violations == []


def show(tab: Tab, directory: Path, source: str) -> None:
    file = directory / "report.html"
    file.write_text(source)
    tab.open(file.as_uri())


@pytest.mark.parametrize(
    ("key", "shown", "pressed"),
    [
        ("f", ["test_red", "test_broken"], "failed"),
        ("p", ["test_0", "test_1", "test_2"], "passed"),
        ("s", ["test_later"], "skipped"),
    ],
)
def test_a_key_filters_and_another_shows_all(page: Tab, key: str, shown: list[str], pressed: str) -> None:
    page.type(key)

    assert page.evaluate(TESTS_SHOWN) == shown
    assert page.evaluate(PRESSED) == pressed
    assert f"{len(shown)} of 6 tests shown" in page.text()
    page.type("a")
    assert len(page.evaluate(TESTS_SHOWN)) == 6


def test_the_search_takes_words_of_ids_messages_and_workers(page: Tab) -> None:
    for words, shown in (("gw1 red", ["test_red"]), ("openbao", ["test_later"]), ("nothing like it", [])):
        page.evaluate("document.getElementById('search').value = ''; document.activeElement.blur()")
        page.type(f"/{words}")

        assert page.evaluate(TESTS_SHOWN) == shown
    page.call("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    assert len(page.evaluate(TESTS_SHOWN)) == 6


def test_keys_go_from_failure_to_failure_and_open_all(page: Tab) -> None:
    assert page.evaluate(OPEN) == [True, False]
    page.type("jj")
    assert page.evaluate(OPEN) == [True, True]
    assert page.evaluate("document.activeElement.closest('details').dataset.test") == "test_b.py::test_broken"
    page.type("o")
    assert page.evaluate(OPEN) == [False, False]
    page.type("k")
    assert page.evaluate(OPEN) == [True, False]


def test_the_time_axis_can_be_stretched(page: Tab) -> None:
    width = "document.querySelector('.wide').clientWidth"
    ticks = "document.querySelectorAll('.axis span').length"
    before = page.evaluate(width), page.evaluate(ticks)
    page.type("++")

    assert page.evaluate(width) > 3.5 * before[0]
    assert page.evaluate(ticks) > before[1]
    page.type("0")
    assert page.evaluate(width) == before[0]


def test_a_link_of_the_chart_opens_the_failure(page: Tab) -> None:
    page.evaluate("document.querySelector('a.bar.error').click()")

    assert page.evaluate("new Promise(done => setTimeout(() => done(1), 50))") == 1
    assert page.evaluate(OPEN) == [True, True]


@pytest.mark.parametrize("width", [400, 1000, 2000])
def test_nothing_is_wider_than_the_window(tab: Tab, tmp_path: Path, width: int) -> None:
    name = "tests/a/long/path/test_of_something.py::TestThatHasAName::test_with_parameters" + "[x-y-z]" * 20
    events: list[Event] = [began(), *bring_up(("deployment/" + "n" * 60, 0.1, 2.0), until=2.0), outcome(name, "failed")]
    tab.look(width=width)
    show(tab, tmp_path, render([[*events, failure(name, message="m" * 300), ended(exit_code=1)]]))

    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_hostile_texts_run_nothing(tab: Tab, tmp_path: Path) -> None:
    events: list[Event] = [
        began(),
        outcome(HOSTILE, "failed"),
        failure(HOSTILE, message=HOSTILE, text=HOSTILE),
        ended(exit_code=1),
    ]
    show(tab, tmp_path, render([events]))

    assert tab.evaluate("document.images.length") == 0
    assert HOSTILE in tab.text()
    assert tab.violations == []


@pytest.mark.skipif(AXE is None, reason="PLEXDEV_TEST_AXE does not name axe.min.js of axe-core")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1000, 2000])
@pytest.mark.parametrize("runs", [1, 2])
def test_axe_finds_nothing(tab: Tab, tmp_path: Path, width: int, runs: int, *, dark: bool) -> None:
    assert AXE is not None
    tab.look(width=width, dark=dark)
    show(tab, tmp_path, render([whole_run()] * runs))
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    tab.evaluate(f"{Path(AXE).read_text()};0")
    found = tab.evaluate("axe.run().then(done => done.violations.map(each => [each.id, each.nodes[0].html]))")

    assert found == []
