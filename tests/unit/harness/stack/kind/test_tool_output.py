"""The output of programs behind wrappers that print their own lines before and after it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.tool_output import json_of, line_of, yaml_lines_of
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.cluster.docker_engine import has_container
from pytest_plexdev.stack.kind.cluster.prerequisites import _TOOLS
from pytest_plexdev.stack.kind.manifests.render import kustomize
from tests.support.fake_kind import KUBECONFIG, OURS

if TYPE_CHECKING:
    from tests.support.fake_kind import FakeKind

BEFORE, AFTER = "[shim] using 1.32.0 of {work}", "done: took 0.1 s"


@pytest.mark.parametrize("value", [{"a": ["b"]}, [{"c": 1}]])
def test_json_between_other_lines(value: object) -> None:
    assert json_of(f"{BEFORE}\n{json.dumps(value, indent=1)}\n{AFTER}\n") == value
    with pytest.raises(ValueError, match="no JSON"):
        json_of(f"{BEFORE}\n{AFTER}")


def test_lines_and_yaml_between_other_lines() -> None:
    block = "apiVersion: v1\nclusters:\n- name: a\n  cluster: {}\n"
    assert line_of(f"{BEFORE}\n28.0.1\n{AFTER}", r"\d+\.\d+\.\d+") == "28.0.1"
    assert line_of(BEFORE, r"\d+") == ""
    assert yaml_lines_of(f"{BEFORE}\n{block}Took 1 s\n") == block
    assert yaml_lines_of("{a: 1}\n") == "{a: 1}\n"


@pytest.fixture
def wrapped(fake_kind: FakeKind) -> FakeKind:
    """Wrappers of docker, kind and kubectl that print their own lines to standard output."""
    programs = fake_kind.state.parent / "bin"
    real = fake_kind.state.parent / "real"
    real.mkdir()
    answers = {
        "docker": "",
        "kind": "case $1 in version) echo kind v0.30.0 go1.26 linux/amd64 ;; "
        f"get) cat {fake_kind.state}/config ;; esac\n",
        "kubectl": """echo '{"clientVersion": {"gitVersion": "v1.34.1"}}'\n""",
    }
    (fake_kind.state / "config").write_text(KUBECONFIG)
    for name, script in answers.items():
        if (programs / name).exists():
            (programs / name).rename(real / name)
            script = f"{(real / name).read_text()}{script}"
        (real / name).write_text(script)
        (programs / name).write_text(
            f"#!/bin/sh\necho '{BEFORE}'\nsh {real / name} \"$@\"\ns=$?\necho '{AFTER}'\nexit $s\n"
        )
        (programs / name).chmod(0o755)
    return fake_kind


def test_a_cluster_behind_wrappers_is_found_and_reached(wrapped: FakeKind) -> None:
    assert not has_container("c-control-plane", timeout=30)

    wrapped.node(labels=OURS)

    assert has_container("c-control-plane", timeout=30)
    assert wrapped.files.fetch_access().server == "https://127.0.0.1:1"
    versions = [tool.version(tool.command) for tool in _TOOLS]
    assert versions == ["28.0.1", "kind v0.30.0 go1.26 linux/amd64", "v1.34.1"]


KUSTOMIZE = """#!/bin/sh
echo 'Using kubectl 1.32: have a nice day'
while [ "$1" != --output ]; do shift; done
printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n' > "$2"
echo bye
"""


def test_manifests_come_through_a_wrapper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubectl").write_text(KUSTOMIZE)
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert [each["metadata"]["name"] for each in kustomize(deploy_directory())] == ["a"]


def test_a_wrapper_that_hides_the_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho 'please log in first'\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(PlexdevError) as error:
        kustomize(deploy_directory())

    assert error.value.tag == "tool-gibberish"
    assert "please log in first" in error.value.what
    assert str(tmp_path / "kubectl") in error.value.why
