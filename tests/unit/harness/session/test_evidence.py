"""The time limit of evidence, and how its sections fit into a terminal."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_plexdev.api.exchanges import Exchange, ExchangeLog
from pytest_plexdev.core.model import Verdict
from pytest_plexdev.session.evidence import terminal
from pytest_plexdev.session.evidence.collect import result_of, start
from pytest_plexdev.session.evidence.phases import Phases
from pytest_plexdev.session.evidence.requests import exchanges_section
from pytest_plexdev.session.evidence.sections import readiness

CALLED = Phases((("setup", 10.0), ("call", 20.0)))
TORN_DOWN = Phases((*CALLED.began, ("teardown", 30.0)))
ID = "01a228f9-b46c-7107-b37e-b6c4b4da5e59"
PROBLEM = (
    b'{"status":403,"detail":"read on this domain is not granted to you","code":"permission_denied",'
    b'"reason":"insufficient_relation","correlation_id":"' + ID.encode() + b'"}'
)
TOKEN = f"psk_dev_{'ab12' * 16}"


def exchange(at: float, **facts: Any) -> Exchange:
    log = ExchangeLog()
    given = {"method": "GET", "path": "/v1/x", "status": 200, "request": b"", "response": b"", **facts}
    log.add(began=at, url=f"http://localhost:1{given['path']}", **given)
    return next(iter(log))


def test_a_collector_that_does_not_answer_is_left_behind() -> None:
    never = threading.Event()
    began = time.monotonic()
    output = result_of(start(lambda: "late" if never.wait(30) else "", otherwise=str), 0.05, otherwise=str)
    never.set()

    assert output.startswith("not collected: ")
    assert time.monotonic() - began < 10


def test_a_collectors_own_error_is_said() -> None:
    def broken() -> str:
        raise ValueError("no such thing")

    output = result_of(start(broken, otherwise=str), 5.0, otherwise=str)
    assert output == "the collector failed: ValueError: no such thing"


def test_what_is_not_ready_is_not_pushed_out_by_what_is() -> None:
    """A long section loses its beginning, so ready services, which could displace the cause, are only counted."""
    stack: Any = SimpleNamespace(info=SimpleNamespace(services=()))
    cause = Verdict(name="secret/s", state="doomed", reason="changed by hand", hint="plexdev up --stack kind")
    ready = [Verdict(name=f"deployment/d{number}", state="ready", reason="") for number in range(20)]

    output = readiness(stack, [cause, *ready]).text.splitlines()

    assert output[0].split() == ["secret/s", "doomed", "changed", "by", "hand"]
    assert output[1].strip() == "fix: plexdev up --stack kind"
    assert output[2:] == ["20 more are ready"]
    assert readiness(stack, ready).brief == ""


def test_a_problem_is_whole_at_any_width() -> None:
    refused = exchange(
        21.0, status=403, response=PROBLEM, correlation_id=ID, headers={"Authorization": f"Bearer {TOKEN}"}
    )

    for columns in (20, 80, 200):
        brief = exchanges_section([refused], CALLED, columns).brief
        assert brief is not None
        said = (
            "GET /v1/x -> 403 permission_denied: read on this domain is not granted to you (insufficient_relation) in"
        )
        assert said in " ".join(brief.split())
        assert f"correlation_id {ID}" in brief
        assert '"detail"' not in brief
        assert "curl http://localhost:1/v1/x" in brief.replace(" \\\n   ", "")
        assert "-H 'Authorization: Bearer psk_***ab12'" in brief


def test_the_failed_phase_is_shown_and_the_others_are_counted() -> None:
    before, during = exchange(9.0, path="/before"), [exchange(21.0, path="/first"), exchange(22.0, path="/second")]

    called = exchanges_section([before, *during], CALLED, 80)
    assert [line for line in (called.brief or "").splitlines() if line.endswith(("s", ":", "exchange"))][:2] == [
        "set-up: 1 exchange",
        "call:",
    ]
    assert "/before" not in (called.brief or "")
    assert called.text.index("set-up:\n") < called.text.index("/before") < called.text.index("\n\ncall:\n")
    assert (exchanges_section([before], CALLED, 80).brief or "").startswith("set-up:\n")
    # A tear-down that sent nothing: the call is nearest.
    assert (exchanges_section([before, *during], TORN_DOWN, 80).brief or "").startswith("set-up: 1 exchange\ncall:\n")


def test_only_the_last_exchanges_are_on_the_terminal() -> None:
    many = [exchange(21.0 + number, path=f"/{number:02d}") for number in range(30)]
    section = exchanges_section(many, CALLED, 80)

    assert (section.brief or "").splitlines()[1] == "… (18 exchanges before)"
    assert "/29 -> 200" in (section.brief or "")
    assert section.text.count(" -> 200") == 30


@pytest.mark.parametrize("columns", [10, 40, 79])
def test_no_word_is_broken(columns: int) -> None:
    text = f"  12:00:00 GET /v1/domains/{ID} -> 403 permission_denied: not granted to you (because)\nshort"
    lines = terminal.wrap(text, columns)

    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert all(len(line) <= columns or len(line.split()) == 1 for line in lines)
    assert terminal.wrap(text, 200) == text.splitlines()


def test_a_body_is_cut_between_its_members() -> None:
    body = "{" + ",".join(f'"member{number}":{number}' for number in range(99)) + "}"
    shown = terminal.shorten(body, 40)

    kept, _, count = shown.partition("… ")
    assert kept.endswith(",")
    assert body.startswith(kept)
    assert count == f"({len(body) - len(kept)} more characters)"
    assert all(len(line) <= 40 for line in terminal.wrap(kept, 40))


def test_a_command_is_broken_so_that_it_can_be_pasted() -> None:
    sent = exchange(1.0, method="POST", path="/v1/x?a=1&b=2", request=b'{"it":"is it\'s"}', status=201,
                    headers={"Content-Type": "application/json", "Accept": "application/json"})  # fmt: skip

    lines = terminal.wrap_command(sent.curl, 60, indent="  ")
    assert lines == [
        "  curl 'http://localhost:1/v1/x?a=1&b=2' \\",
        "    -H 'Content-Type: application/json' \\",
        """    -d '{"it":"is it'"'"'s"}'""",
    ]
    assert exchange(1.0, method="DELETE").curl[0] == "curl -X DELETE"
