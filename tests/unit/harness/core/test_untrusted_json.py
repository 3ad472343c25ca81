"""JSON from others with extreme nesting: each reader treats it like any other invalid JSON."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import pytest_plexdev
from pytest_plexdev.api.problems import problem_of
from pytest_plexdev.api.transport import decode
from pytest_plexdev.core.tool_output import json_of
from pytest_plexdev.core.untrusted_json import decode_as, decode_json
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.readiness.probe_answers import _answer_text
from pytest_plexdev.session.output_directory import MARK, _read_mark
from pytest_plexdev.stack.kind.images.client_proxies import read_client_proxies
from pytest_plexdev.stack.kind.state.fingerprint import _files_of

DEEP = b"[" * 100_000
REQUEST = httpx.Request("GET", "http://localhost/v1/x")


@pytest.mark.parametrize("read", [decode_json, lambda content: json_of(content.decode())])
def test_what_is_nested_without_end_is_no_json(read: Callable[[bytes], object]) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|no JSON"):
        read(DEEP)


@pytest.mark.parametrize("kind", [Any, dict[str, Any], list[list[Any]]])
def test_neither_is_it_a_value_of_a_type(kind: Any) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_as(DEEP, kind)


def test_neither_are_bytes_that_are_no_text() -> None:
    with pytest.raises(msgspec.DecodeError, match=r"(?i)\butf-8\b"):
        decode_as(b'["\xff"]', list[str])


def test_a_readiness_probe_s_answer_is_shown_as_text() -> None:
    assert _answer_text(DEEP[:8192]) == f"{'[' * 300}…"


def test_an_answer_of_the_api_is_none_of_the_contract() -> None:
    with pytest.raises(PlexdevError, match="api-gibberish"):
        decode(httpx.Response(200, content=DEEP, request=REQUEST), list[Any])


def test_a_refusal_of_the_api_keeps_its_status() -> None:
    assert problem_of(httpx.Response(502, content=DEEP, request=REQUEST)).status == 502


def test_a_folder_of_evidence_with_such_a_mark_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / MARK).write_bytes(DEEP)

    assert _read_mark(tmp_path) is None


def test_docker_s_configuration_names_no_proxies(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(DEEP)

    assert read_client_proxies({"DOCKER_CONFIG": str(tmp_path)}) is None


@pytest.mark.parametrize("content", [b"resources: " + DEEP[:5000], b"- a", b"resources: 5", b"\xff", b"a: 2026-99-99"])
def test_a_kustomization_that_cannot_be_read_counts_as_a_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "kustomization.yaml"
    file.write_bytes(content)

    assert _files_of(tmp_path) == [file]


# Modules that read JSON written by plexdev. If it may be damaged, they catch RecursionError.
OF_OURS = {
    "core/model.py", "core/untrusted_json.py", "stack/embedded/dex_standin/config.py",
    "stack/embedded/launch.py", "stack/embedded/settings.py",
    "stack/embedded/supervisor/fork_server.py", "stack/embedded/supervisor/protocol.py",
    "stack/kind/cluster/reaper.py", "stack/kind/manifests/crds.py",
}  # fmt: skip


def test_nobody_else_decodes_json_without_a_bound() -> None:
    root = Path(pytest_plexdev.__file__).parent
    calls = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"json.loads", "json.load", "msgspec.json.decode", "json.JSONDecoder"}
    }

    assert calls - OF_OURS == set()
    assert OF_OURS - calls == set()
