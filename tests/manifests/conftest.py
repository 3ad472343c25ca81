"""The rendered dev overlay."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.support.manifests import DEPLOY


@pytest.fixture(scope="session")
def rendered() -> list[dict[str, Any]]:
    """The dev overlay, rendered by ``kubectl kustomize``. Needs kubectl, but no cluster."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on PATH")
    text = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY / "overlays" / "dev")], capture_output=True, check=True, timeout=30
    ).stdout
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))
