"""The page of a run: what it says, and that nothing in it can leave its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import msgspec
import pytest

from pytest_plexdev.report.events import BringUpEnded, Event, EvidenceSection, FailureOfTest, Part, VerdictChanged
from pytest_plexdev.report.page import render
from tests.support.run_events import (
    HOSTILE,
    began,
    bring_up,
    ended,
    failure,
    outcome,
    stack,
    whole_run,
)

_VOID = {"meta", "input", "link", "br", "img"}


class Page(HTMLParser):
    """The elements and the visible text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def page_of(*runs: Sequence[Event]) -> Page:
    return Page(render(runs))


def verdict_of(*events: Event) -> str:
    page = page_of([began(), *events])
    return page.text.partition(" Search ")[0].rpartition(" agent ")[2].strip()


def test_the_page_says_what_happened() -> None:
    text = page_of(whole_run()).text

    for said in (
        "2 of 6 tests failed",
        "name embedded plexdev-1f3a",
        "made by this run in 3.00 s",
        "API http://localhost:41000",
        "really ran postgres 16.14",
        "stand-ins dex for Dex 2.41.1",
        "left out openbao",
        "command pytest -n 2",
        "2026-01-01 00:00:00 UTC , took 10.0 s",
        "postgres 500 ms starting from 1.00 s to 1.50 s, ready at 1.50 s, on the critical path",
        "test_b.py::test_later needs openbao gw1",
        "failed test_b.py::test_red assert 'healthy' == 'stale'",
        "HTTP exchanges GET /v1/version -> 200",
        "Python 3.12.1, pytest 9.2.0",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([outcome("a"), ended()], "1 test passed"),
        ([outcome("a"), outcome("b", "skipped"), ended()], "No test failed, 1 of 2 passed"),
        ([outcome("a", "error"), failure("a"), ended(exit_code=1)], "1 of 1 test failed"),
        ([failure("test_a.py"), ended(exit_code=2)], "The run was interrupted"),
        ([failure("test_a.py"), ended(exit_code=1)], "1 module could not be collected"),
        ([ended(exit_code=5)], "No tests ran"),
        ([outcome("a")], "The run has no end: its file is incomplete"),
        ([*bring_up(until=2.0, error="plexdev[x]: y"), ended(exit_code=1)], "The stack did not start"),
    ],
)
def test_the_verdict(events: list[Event], verdict: str) -> None:
    assert verdict_of(*events) == verdict


def test_a_running_stack_has_its_age_and_drift() -> None:
    text = page_of([began(), stack(was_running=True, made=-11_520, drift=["seed", "pins"]), ended()]).text

    assert "was running already ( --dev-stack ): made 3 h 12 min before the run, 2025-12-31 20:48:00 UTC" in text
    assert "Drift, ignored: the stack was made from other inputs than those of this checkout: seed, pins." in text


def test_a_failed_bring_up_shows_its_error() -> None:
    error = "plexdev[server-exited]: nats exited\n  why: it had to\n  fix: read .plexdev/bring-up/nats.log"
    text = page_of([began(), *bring_up(("nats", 0.5, 0), until=2.5, error=error), ended(exit_code=1)]).text

    assert "The bring-up failed after 2.50 s." in text
    assert "fix: read .plexdev/bring-up/nats.log" in text
    assert "nats 2.00 s doomed from 0.50 s to 2.50 s, on the critical path" in text


def test_runs_are_merged_in_the_order_of_their_times() -> None:
    page = page_of([began(60, project="second"), outcome("b"), ended(70)], [began(project="first"), ended(exit_code=1)])

    assert "1 of 2 runs failed" in page.text
    assert page.text.index("first 1") < page.text.index("second 2")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_links_lead_to_failures() -> None:
    page = page_of(whole_run(), whole_run())

    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    targets = [attributes["href"] or "" for tag, attributes in page.elements if tag == "a"]
    local = [target for target in targets if target.startswith("#")]
    assert len(local) > 8
    assert {target[1:] for target in local} <= ids


def hostile(event: Event) -> Event:
    """The event with a hostile text in each of its members that is a text."""
    texts = {name: HOSTILE for name, value in msgspec.structs.asdict(event).items() if isinstance(value, str)}
    if isinstance(event, VerdictChanged):
        del texts["state"]
    texts.pop("outcome", None)
    return msgspec.structs.replace(event, **texts)


def test_no_text_leaves_its_place() -> None:
    tame = [*whole_run(), VerdictChanged(at=1.0, name="x", state="waiting", reason="y")]
    wild = [hostile(event) for event in tame]
    stack_used = msgspec.structs.replace(
        stack(drift=[HOSTILE]), api=f"javascript:{HOSTILE}", services=(Part(name=HOSTILE, version=HOSTILE),)
    )
    wild += [
        BringUpEnded(at=3.0, error=HOSTILE),
        FailureOfTest(
            test=HOSTILE,
            phase=HOSTILE,
            message=HOSTILE,
            text=HOSTILE,
            evidence=(EvidenceSection(title=HOSTILE, text=HOSTILE),),
        ),
    ]
    page = page_of([wild[0], stack_used, *wild[2:]])

    assert page.open == []
    assert {tag for tag, _ in page.elements}.isdisjoint({"img", "iframe", "object", "embed", "link"})
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert [name for _, attributes in page.elements for name in attributes if name.startswith("on")] == []
    assert not [attributes for _, attributes in page.elements if (attributes.get("href") or "").startswith("java")]
    assert HOSTILE in page.text


def test_a_lone_surrogate_can_be_written() -> None:
    assert "a\\udcff" in render([[began(), outcome("a\udcff"), ended()]])


def test_the_page_loads_nothing() -> None:
    source = render([whole_run()])
    page = Page(source)

    loading = [attributes for _, attributes in page.elements if "src" in attributes or "srcset" in attributes]
    assert loading == []
    assert "url(" not in source
    assert "@import" not in source
    (policy,) = [each["content"] for _, each in page.elements if each.get("http-equiv") == "Content-Security-Policy"]
    assert str(policy).startswith("default-src 'none'; style-src 'unsafe-inline'; ")
    assert "script-src 'sha256-" in str(policy)
