from __future__ import annotations

import pytest

from pytest_plexdev.core.http_date import server_time


def test_the_date_of_an_answer_is_in_unix_seconds() -> None:
    assert server_time({"date": "Thu, 01 Jan 1970 00:01:40 GMT"}) == 100.0


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "yesterday"}, {"date": "Thu, 99 Jan 1970 00:00 GMT"}])
def test_a_missing_or_malformed_date_is_none(headers: dict[str, str]) -> None:
    assert server_time(headers) is None
