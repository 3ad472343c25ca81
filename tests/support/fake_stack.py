"""A conftest that replaces the stack of a run by one without servers, for fast tests of the evidence."""

from __future__ import annotations

CONFTEST = '''
import pathlib
from collections import namedtuple

import pytest

from pytest_plexdev.session import run
from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.core.model import Endpoints, Service, StackInfo, Verdict
from pytest_plexdev.stack.embedded import EmbeddedProvider


class FakeStack:
    """As much of a `Stack` as hooks look at."""

    exchanges = ExchangeLog()
    provider = EmbeddedProvider()
    drift = ()
    passed_over = ""
    attached_in = 0.0

    def __init__(self, directory):
        self.log_file = directory / "logs" / "plexsphere.log"
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.write_text("a line of the log, token psk_dev_aaaa_bbbb\\n", "utf-8")
        self.info = StackInfo(
            provider="embedded", id="fake", directory=directory, started_at=0.0,
            endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2"),
            services=(Service(name="plexsphere", version="1", log=self.log_file),),
        )

    @property
    def secrets(self):
        return self.exchanges.secrets

    def verdicts(self):
        return [Verdict(name="plexsphere", state="waiting", hint=f"read {self.log_file}")]

    def log_sizes(self):
        return {}

    def died(self):
        return None


def pytest_sessionstart(session):
    this = run.get_run(session.config)
    this.running = FakeStack(this.directory / "stack")
'''
