"""The last part of a log, by the times that each server writes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pytest_plexdev.core.log_window import last_lines, lines_since

NOON = datetime(2026, 11, 29, 12, 0, 0, tzinfo=UTC).timestamp()


def local(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ('level=INFO msg="request" time=2026-11-29T12:00:00.250Z ms=4', NOON + 0.25),
        ("2026-11-29 12:00:00.250 UTC [21546] LOG:  checkpoint", NOON + 0.25),
        ("2026-11-29T14:00:00.250000123+02:00 started", NOON + 0.25),
        ("[21316] 2026/11/29 12:00:00.250000 [INF] ready", local("2026-11-29T12:00:00.25")),
        ("2026-11-29 12:00:00,250 level=INFO msg=ready", local("2026-11-29T12:00:00.25")),
    ],
    ids=["slog", "postgres", "zone", "nats", "logging"],
)
def test_a_line_is_selected_by_its_time(line: str, at: float) -> None:
    assert lines_since(f"{line}\n", at) == f"{line}\n"
    assert lines_since(f"{line}\n", at + 0.01) == ""


def test_a_line_without_a_time_belongs_to_the_one_before() -> None:
    text = "no time\n2026-11-29T11:00:00Z old\n  at old\n2026-11-29T12:00:00Z new\n  at new\n"

    assert lines_since(text, NOON) == "2026-11-29T12:00:00Z new\n  at new\n"
    assert lines_since(text, None) == text


def test_what_only_looks_like_a_time_is_none() -> None:
    assert lines_since("2026-99-29T12:00:00Z\n", 0.0) == ""


@pytest.mark.parametrize(("count", "last"), [(None, "a\nb\nc"), (5, "a\nb\nc"), (3, "a\nb\nc"), (1, "c"), (0, "")])
def test_the_last_lines(count: int | None, last: str) -> None:
    assert last_lines("a\nb\nc", count) == last
