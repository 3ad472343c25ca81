"""Cursors: their content is hidden, and they work for their caller only."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexsphere_reference.http.pagination import Cursors
from plexsphere_reference.http.problems import Problem

KEY = b"a key of sixteen bytes and more"
positions = st.lists(st.text() | st.integers(-(2**53), 2**53), max_size=3)


def code_of(cursors: Cursors, binding: str, cursor: str) -> tuple[int, str]:
    with pytest.raises(Problem) as refusal:
        cursors.decode(binding, cursor)
    return refusal.value.status, refusal.value.code


@given(binding=st.text(), listing=st.text(), position=positions)
def test_its_caller_comes_back_to_the_position(binding: str, listing: str, position: list[object]) -> None:
    cursors = Cursors(KEY, listing)

    assert cursors.decode(binding, cursors.encode(binding, position)) == position


def test_nothing_in_it_can_be_read() -> None:
    cursor = Cursors(KEY, "projects:01985a00").encode("user:ada", ["acme-corp", "01985a00-0000-7000-8000-00000000ac01"])

    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for readable in (b"acme", b"01985a00", b"user", b"ada", b"projects"):
        assert readable not in raw


def test_two_of_the_same_position_have_nothing_in_common() -> None:
    first, second = (Cursors(KEY, "nodes:None").encode("user:ada", ["x"]) for _ in range(2))

    assert first != second


def test_it_is_for_its_caller_its_listing_and_its_server() -> None:
    cursor = Cursors(KEY, "nodes:None").encode("user:ada", ["x"])

    assert code_of(Cursors(KEY, "nodes:None"), "user:bob", cursor) == (403, "cursor_binding_mismatch")
    assert code_of(Cursors(KEY, "nodes:01985a00"), "user:ada", cursor) == (400, "invalid_cursor")
    assert code_of(Cursors(b"another key of sixteen", "nodes:None"), "user:ada", cursor) == (400, "invalid_cursor")


@given(cut=st.integers(0, 60))
def test_a_part_of_one_is_none(cut: int) -> None:
    cursors = Cursors(KEY, "nodes:None")
    cursor = cursors.encode("user:ada", ["x"])

    if cut < len(cursor):
        assert code_of(cursors, "user:ada", cursor[:cut]) == (400, "invalid_cursor")
