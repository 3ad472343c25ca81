"""A stack whose cluster is the fake API server."""

from __future__ import annotations

from pathlib import Path

import yaml

from pytest_plexdev.core.model import Cluster, Endpoints, StackInfo
from tests.support.api_server import Answers


def stack_of(answers: Answers, directory: Path) -> StackInfo:
    """Return a stack of ours on the cluster ``c``, with its kubeconfig in *directory*."""
    config = {
        "contexts": [{"name": "kind-c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": answers.origin}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    return StackInfo(
        provider="kind",
        id="c",
        directory=directory,
        endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2"),
        started_at=0.0,
        cluster=Cluster(name="c", context="kind-c", kubeconfig=kubeconfig, namespace="default", owned=True),
    )
