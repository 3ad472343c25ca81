from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plexsphere_reference.rules.durations import InvalidDuration, format_seconds, parse_duration
from plexsphere_reference.rules.tenancy import InvalidReachabilityPolicy, ReachabilityPolicy, format_duration

DIGITS = st.text("0123456789", max_size=25)
TERMS = st.tuples(DIGITS, st.sampled_from(["", "."]), DIGITS, st.sampled_from(["ns", "us", "µs", "ms", "s", "m", "h"]))


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    # What Go 1.22's time.ParseDuration answered.
    [
        ("0", 0),
        ("-0", 0),
        ("+5s", 5_000_000_000),
        ("-1s", -1_000_000_000),
        ("1.5m", 90_000_000_000),
        ("270000ms", 270_000_000_000),
        ("1h0.5s", 3_600_500_000_000),
        (".5h", 1_800_000_000_000),
        ("1.s", 1_000_000_000),
        ("1µs", 1_000),
        ("1μs", 1_000),
        ("1us", 1_000),
        ("1h1h", 7_200_000_000_000),
        (".000000001ns", 0),
        ("0000000000000000000000000001s", 1_000_000_000),
        ("0.9223372036854775807h", 3_320_413_933_267),
        ("0.3333333333333333333h", 1_200_000_000_000),
        ("0.830103483285477580700h", 2_988_372_539_827),
        ("9223372036854775.807us", 9_223_372_036_854_775_807),
        ("2562047h47m16.854775807s", 9_223_372_036_854_775_807),
        ("-9223372036854775808ns", -9_223_372_036_854_775_808),
    ],
)
def test_a_duration_is_what_go_parses(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "+", ".", "s", ".s", "-.s", "00", "1", "1.5", "3m1", "1 s", " 1s", "1s ", "--1s", "+-1s", "1d"),
        *("1e3s", "1,5m", "٣0s", "1..5s", "s1", "9223372036854775808ns", "-9223372036854775809ns", "3000000h"),
        *("999999999999999h", "2562047h47m16.854775808s", "9" * 5000 + "ns", "\0", "1s\n"),
    ],
)
def test_what_go_refuses_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidDuration) as refused:
        parse_duration(text)
    assert len(str(refused.value)) < 200


@settings(deadline=None)
@given(st.lists(TERMS, min_size=1, max_size=4))
def test_any_duration_is_an_int64_of_nanoseconds_or_refused(terms: list[tuple[str, str, str, str]]) -> None:
    try:
        nanoseconds = parse_duration("".join("".join(term) for term in terms))
    except InvalidDuration:
        return
    assert 0 <= nanoseconds < 1 << 63


@settings(deadline=None)
@given(st.integers(0, (1 << 63) - 1))
def test_what_is_formatted_is_parsed_back(nanoseconds: int) -> None:
    assert abs(parse_duration(format_seconds(nanoseconds)) - nanoseconds) <= 1  # Go's own float arithmetic


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(seconds=90), "90s"),
        (timedelta(seconds=300), "300s"),
        (timedelta(hours=1), "3600s"),
        (timedelta(seconds=10, milliseconds=500), "10.5s"),
        (timedelta(seconds=10, microseconds=1), "10.000001s"),
        (timedelta(0), "0s"),
    ],
)
def test_a_duration_is_shown_in_seconds(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@pytest.mark.parametrize("interval", ["9.999999999s", "9999999999ns", "-30s", "1h1ns"])
def test_bounds_hold_for_every_nanosecond(interval: str) -> None:
    with pytest.raises(InvalidReachabilityPolicy, match="heartbeat_interval"):
        ReachabilityPolicy.parse(interval, "1h", "1h")


def test_a_fraction_of_a_microsecond_is_cut_off() -> None:
    policy = ReachabilityPolicy.parse("10.0000003s", "30.0000009s", "60.0000019s")

    assert policy == ReachabilityPolicy(
        timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=60, microseconds=1)
    )
