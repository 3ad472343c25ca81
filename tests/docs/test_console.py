from __future__ import annotations

import pytest

from tests.support.console import Command


@pytest.mark.parametrize(
    ("shown", "printed", "is_same"),
    [
        ("ready\n", "ready\n", True),
        ("ready\n", "doomed\n", False),
        ("ready for … s\n", "ready for 1.2 s\n", True),
        ("ready for … s\n", "ready for 1.2\ns\n", False),
        ("…\nlast\n", "first\nsecond\nlast\n", True),
        ("…\nlast\n", "first\nlast\nmore\n", False),
        ("first\n…\n", "first\n", True),
        ("===== 1 passed in …s =====\n", "======= 1 passed in 10.02s ======\n", True),
        ("===== 1 passed in …s =====\n", "======= 2 passed in 10.02s ======\n", False),
        ("a.b\n", "acb\n", False),
    ],
)
def test_what_is_shown_matches(shown: str, printed: str, *, is_same: bool) -> None:
    assert Command("page:1", "true", shown).is_as_shown(printed) is is_same
