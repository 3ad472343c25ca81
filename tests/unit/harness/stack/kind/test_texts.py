"""The text that ``plexdev up --stack kind`` ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.core.model import Cluster, Endpoints, StackInfo
from pytest_plexdev.core.profiles import left_out
from pytest_plexdev.core.provider_parts import Started
from pytest_plexdev.stack.kind.texts import KindTexts


@pytest.mark.parametrize(
    ("services", "shown"), [((), "plexd (plexdev up plexd adds it)"), (("plexd",), "")], ids=["without", "with"]
)
def test_what_may_be_added_is_shown_with_its_command(services: tuple[str, ...], shown: str, tmp_path: Path) -> None:
    info = StackInfo(
        provider="kind",
        id="warm",
        directory=tmp_path,
        endpoints=Endpoints(api="http://localhost:8080", issuer="http://localhost:5556/dex"),
        started_at=0.0,
        profile="lean",
        left_out=left_out("lean", services),
        cluster=Cluster(name="c", context="kind-c", kubeconfig=tmp_path, namespace="default", owned=True),
    )

    text = KindTexts().welcome(Started(info=info), seconds=1.0)

    (line,) = (line for line in text.splitlines() if line.startswith("  profile    lean; left out: openbao"))
    assert ("plexdev up plexd" in line) is bool(shown)
    assert line.endswith(shown)
    assert "  people     admin@example.com or member@example.com, password: password\n" in text
