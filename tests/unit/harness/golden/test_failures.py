from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.golden.failures import Failures


def test_a_worker_skips_after_the_failure_of_another(tmp_path: Path) -> None:
    one, other = Failures(tmp_path), Failures(tmp_path)
    one.record_test("test_5_binding", AssertionError("it is inactive"), secrets=())

    other.skip_after_failed_step("test_5_binding")
    with pytest.raises(pytest.skip.Exception, match="step 5 failed: AssertionError: it is inactive"):
        other.skip_after_failed_step("test_6_identity")
    one.forget_test("test_5_binding")
    other.skip_after_failed_step("test_6_identity")


def test_only_the_first_of_two_equal_failures_counts(tmp_path: Path) -> None:
    assert Failures(tmp_path).record("domain", RuntimeError("first"))
    assert not Failures(tmp_path).record("domain", RuntimeError("second"))
    with pytest.raises(pytest.skip.Exception, match=r"golden\.domain failed before: RuntimeError: first"):
        Failures(tmp_path).skip_if_recorded("domain")


def test_a_directory_that_is_gone_ends_no_run(tmp_path: Path) -> None:
    failures = Failures(tmp_path / "gone")
    failures.record_test("test_5_binding", AssertionError("it is inactive"), secrets=())

    failures.skip_after_failed_step("test_6_identity")
    failures.forget_test("test_5_binding")
