from __future__ import annotations

import pytest

from plexsphere_reference.rules.byte_budget import ByteBudget


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_is_emptied_and_refills() -> None:
    clock = Clock()
    budget = ByteBudget(burst=100, rate=10, clock=clock)

    budget.take("a", 100)
    assert (budget.wait_for("a", 50), budget.wait_for("b", 100)) == (5.0, 0.0)

    clock.now += 4
    assert budget.wait_for("a", 50) == 1.0
    clock.now += 1
    assert budget.wait_for("a", 50) == 0.0


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    clock = Clock()
    budget = ByteBudget(burst=100, rate=10, clock=clock)

    budget.take("a", 10)
    clock.now += 1000
    budget.take("a", 100)

    assert budget.wait_for("a", 1) == pytest.approx(0.1)


def test_forgetting_full_buckets_keeps_the_others() -> None:
    clock = Clock()
    budget = ByteBudget(burst=100, rate=1, clock=clock)
    budget.take("emptied", 100)
    for number in range(12_000):
        clock.now += 0.001
        budget.take(number, 0)

    assert budget.wait_for("emptied", 100) == pytest.approx(88.0)
