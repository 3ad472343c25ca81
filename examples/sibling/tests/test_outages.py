"""What a user of the programs sees while a service is away. Each test breaks a stack of its own."""

from __future__ import annotations

import my_cli
import pytest

from pytest_plexdev import OwnStack, eventually


def test_my_cli_names_an_outage_and_works_after_it(plexdev_own_stack: OwnStack) -> None:
    domain_id = plexdev_own_stack.make_tenant().domain_id
    session = my_cli.Session(plexdev_own_stack.api_url, plexdev_own_stack.login("acme-corp").token)

    with plexdev_own_stack.kill("postgres"), pytest.raises(my_cli.Refused, match="datastore_unavailable"):
        session.projects(domain_id)

    eventually(lambda: session.projects(domain_id), until=[], within=10, ignoring=my_cli.Refused)
