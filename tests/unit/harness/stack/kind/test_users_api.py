"""Whether the identity provider of a cluster creates users for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.stack.kind.provider import KindProvider
from tests.support.api_server import Answers
from tests.support.api_server_stack import stack_of

DEX_API = "/api/v1/namespaces/default/services/dex-api"


@pytest.fixture
def info(answers: Answers, tmp_path: Path) -> StackInfo:
    return stack_of(answers, tmp_path)


def test_a_cluster_of_somebody_else_is_not_even_asked(info: StackInfo, answers: Answers) -> None:
    assert info.cluster is not None
    foreign = replace(info, cluster=replace(info.cluster, owned=False))

    assert KindProvider().users_api(foreign) is None
    assert answers.requests == []


def test_an_overlay_without_the_service_has_none(info: StackInfo, answers: Answers) -> None:
    assert KindProvider().users_api(info) is None
    assert [each.path for each in answers.requests] == [DEX_API]


def test_with_the_service_it_is_a_way_into_the_cluster(
    info: StackInfo, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = KindProvider()
    answers.say("GET", DEX_API, {"metadata": {"name": "dex-api"}})
    monkeypatch.setattr(provider, "reach", lambda _info, service: f"127.0.0.1:1 of {service}")

    assert provider.users_api(info) == "127.0.0.1:1 of dex-api"
