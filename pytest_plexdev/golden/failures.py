"""Remember which steps of the golden flow failed, for the later ones in all workers of a run."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.masking.rule import mask

_TEST: Final = re.compile(r"test_(\d+)_")


class Failures:
    """The failures of a run's golden flow. A later step would fail for the same reason, so it is skipped with it.

    Args:
        directory: Shared by the workers of the run: a file for each failure, with its reason. If it cannot be used, no
            failure is recorded, and each step fails by itself.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def record(self, name: str, error: BaseException, *, secrets: Collection[str] = ()) -> bool:
        """Record a failure. Returns whether it is the first of this name in the run."""
        reason = mask(f"{type(error).__name__}: {error}".partition("\n")[0], secrets)
        # A file that is linked is whole, and only one of two workers that fail concurrently can link it.
        draft = self._directory / f".{name}.{os.urandom(6).hex()}"
        try:
            draft.write_text(reason, encoding="utf-8", errors="backslashreplace")
            try:
                os.link(draft, self._directory / name)
            finally:
                draft.unlink()
        except FileExistsError:
            return False
        except OSError:
            return True
        return True

    def skip_if_recorded(self, name: str) -> None:
        """Skip the test if what is called *name* could not be created."""
        if (reason := self._reason(name)) is not None:
            pytest.skip(f"golden.{name} failed before: {reason}")

    def record_test(self, test: str, error: BaseException, *, secrets: Collection[str]) -> None:
        """Record the failure of a step's test."""
        if number := _number(test):
            self.record(f"step-{number}", error, secrets=secrets)

    def forget_test(self, test: str) -> None:
        """Forget the failure of a step's test: it was repeated, and has passed."""
        with contextlib.suppress(OSError):
            (self._directory / f"step-{_number(test)}").unlink()

    def skip_after_failed_step(self, test: str) -> None:
        """Skip the test of a step if an earlier step has failed."""
        for earlier in range(1, _number(test)):
            if (reason := self._reason(f"step-{earlier}")) is not None:
                pytest.skip(f"step {earlier} failed: {reason}")

    def _reason(self, name: str) -> str | None:
        try:
            return (self._directory / name).read_text("utf-8")
        except OSError:
            return None


def _number(test: str) -> int:
    """The number of a step, from the name of its test; 0 if it has none."""
    found = _TEST.match(test)
    return int(found[1]) if found else 0
