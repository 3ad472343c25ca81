from __future__ import annotations

import logging
import re

import pytest

from pytest_plexdev.stack.embedded import EmbeddedSettings
from tests.support.embedded import Bench


def test_programs_that_are_run_are_logged(
    bench: Bench, settings: EmbeddedSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="plexdev"):
        bench.up(settings)

    assert [line for line in caplog.messages if re.fullmatch(r"run: \S+ .*supervisor\b.*", line)] != []
    log = (bench.directory / "logs" / "supervisor.log").read_text()
    assert [line for line in log.splitlines() if re.match(r"run: \S*nats-server ", line)] != []
