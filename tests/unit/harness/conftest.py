"""An API server of the test's own, for the packages that read one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_plexdev.kube import Access, KubeClient
from tests.support.api_server import Answers, serve_answers


@pytest.fixture
def answers() -> Iterator[Answers]:
    """What the API server answers; everything else is 404."""
    with serve_answers() as answers:
        yield answers


@pytest.fixture
def access(answers: Answers) -> Access:
    """That server, as a context of a kubeconfig."""
    return Access(context="kind-test", kubeconfig=Path("/of/a test/kubeconfig"), server=answers.origin, token="s3cret")


@pytest.fixture
def client(access: Access) -> Iterator[KubeClient]:
    """A client of that server."""
    with KubeClient(access) as client:
        yield client
