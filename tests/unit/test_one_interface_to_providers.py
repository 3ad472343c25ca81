"""Outside ``stack/`` and ``options/`` no provider is named: a third one is a module and a line of a table."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.cli.main import main
from pytest_plexdev.core.ownership.lock import own
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.core.provider import Provider
from pytest_plexdev.options import OPTIONS, parsers, resolve, resolver
from pytest_plexdev.options.table import STACKS
from pytest_plexdev.session import acquire, report
from pytest_plexdev.session.run import Run
from pytest_plexdev.stack.embedded.warm import warm_directory
from pytest_plexdev.stack.providers import PROVIDERS
from tests.support.toy_provider import ToyProvider

PACKAGE: Final = Path(__file__).parents[2] / "pytest_plexdev"
FREE: Final = ("stack", "options", "errors", "doctor")
"""They may name a provider: the providers, the option, the texts of the catalogue, and what goes wrong with each."""
ABOUT_CLUSTERS: Final = {"cli/doctor.py", "cli/images.py", "cli/manifests.py"}
"""Commands that concern objects, images and nodes of a cluster, whatever stack runs."""
OTHER_MEANINGS: Final = {
    "api/bootstrap_tokens.py": "a member of a token",
    "api/identities.py": "a member of an identity",
    "api/resources.py": "a member of a resource",
    "cli/doctor.py": "a member of a Kubernetes object",
    "cli/nouns.py": "a noun, and a column of identities",
    "core/extras.py": "an extra of the distribution",
    "core/lookup.py": "a fact of an error",
    "core/subprocesses.py": "the program",
    "kube/client.py": "a member of a Kubernetes object",
    "kube/events.py": "a member of a Kubernetes object",
    "kube/kubeconfig.py": "a member of a Kubernetes object",
    "readiness/object_ref.py": "a member of a Kubernetes object",
    "readiness/probe_answers.py": "a member of a Kubernetes object",
    "readiness/rules/external_secrets.py": "a member of a Kubernetes object",
    "readiness/rules/nodes.py": "the scheme of a node's provider id",
}
MODULES: Final = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] not in FREE
}


def test_no_other_module_names_a_provider() -> None:
    naming = {
        name
        for name, tree in MODULES.items()
        if any(isinstance(node, ast.Constant) and node.value in PROVIDERS for node in ast.walk(tree))
    }

    assert naming - OTHER_MEANINGS.keys() == set()
    assert OTHER_MEANINGS.keys() - naming == set()


def test_no_other_module_imports_one() -> None:
    folders = tuple(f"pytest_plexdev.stack.{name}" for name in PROVIDERS)
    importing = {name for name, tree in MODULES.items() if any(each.startswith(folders) for each in _imports(tree))}

    assert importing - ABOUT_CLUSTERS == set()
    assert ABOUT_CLUSTERS - importing == set()


def test_only_the_stack_handle_reads_whether_there_is_a_cluster() -> None:
    asking = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("info.cluster")
    }

    assert asking == {"testkit/stack.py"}


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Adds the toy to the table and to the option; no other stack is on this machine."""
    monkeypatch.setitem(PROVIDERS, "toy", "tests.support.toy_provider:ToyProvider")
    monkeypatch.setitem(STACKS, "toy", "nothing but toys")
    choice = parsers.choice(*STACKS)
    known = tuple(replace(option, parse=choice) if option.name == "stack" else option for option in OPTIONS)
    monkeypatch.setattr(resolver, "OPTIONS", known)
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))  # without Docker
    return tmp_path / "state" / "toy" / "stack.json"


def run_of(directory: Path, **options: str) -> Run:
    return Run(
        settings=resolve({f"plexdev_{name}": value for name, value in options.items()}, {}, {}),
        directory=directory,
        controller_pid=os.getpid(),
        is_controller=True,
        seed=lambda *, for_reference_plane: None,
        overlay=lambda: None,
    )


def test_the_toy_implements_the_interface() -> None:
    provider: Provider = ToyProvider()  # mypy checks it

    assert provider.name == "toy"


def test_a_command_brings_a_third_stack_up_reads_it_and_ends_it(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run_cli(*words: str, code: int = 0) -> str:
        assert main(words) == code
        return capsys.readouterr().out

    assert run_cli("up", "--stack", "toy") == "toy: ready at http://localhost:1\n"
    assert toy.exists()
    assert json.loads(run_cli("up", "--stack", "toy", "--json"))["result"]["toys"] == 1

    for choice in ((), ("--stack", "toy")):
        head, *_, last = run_cli("status", *choice).splitlines()
        assert (head.partition(",")[0], last.split()) == ("toy stack warm", ["toy-api", "ready"])
        assert run_cli("wait", *choice) == ""
        assert run_cli("logs", "toy-api", *choice) == "squeak\n"
        assert "export TOY=1" in run_cli("env", *choice)

    assert run_cli("down", "--stack", "toy") == "toy: put away\n"
    assert run_cli("status", "--stack", "toy", code=1) == ""
    assert not toy.exists()


def test_an_option_that_a_provider_does_not_read_is_refused(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--stack", "toy", "--reapply"])

    assert "--reapply needs --stack kind: a toy has nothing to apply" in capsys.readouterr().err


def test_down_beside_another_stack_names_both(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["up", "--stack", "toy"])
    make_private_directory(warm_directory())
    with own(warm_directory(), Mark.of_this_process("stack", "warm")):
        assert main(["down"]) == 2

    output = capsys.readouterr().err
    assert "more than one stack is present (embedded, toy)" in output
    assert "data: plexdev down --stack embedded, or plexdev down --stack toy\n" in output
    assert toy.exists()


def test_the_help_names_a_third_provider(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["status", "--help"])

    output = " ".join(capsys.readouterr().out.split())
    assert "--stack {embedded,kind,toy}" in output
    assert "default: the first that has one: kind, then embedded, then toy" in output


def test_a_stack_that_is_not_there_is_named(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", "--stack", "toy"])

    output = capsys.readouterr().err
    assert f"a toy in {toy.parent}" in output
    assert "fix: plexdev up --stack toy" in output


def test_a_run_has_a_third_stack_of_its_own_and_ends_it(toy: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", stack="toy")
    stack = acquire.stack_of(run)

    assert stack.info.directory == tmp_path / "run" / "stack"
    assert stack.verdicts()[0].name == "toy-api"
    assert stack.log("toy-api") == "squeak\n"
    assert "toy stack (--plexdev-stack), started when a test requests it; nothing but toys" in report.header(
        run.settings
    )
    assert "  in the toy box" in [*report.summary(run, stack.info, evidence=(), page=None)]
    run.end()
    assert not (tmp_path / "run").exists()


def test_a_run_attaches_to_a_third_stack_that_runs(toy: Path, tmp_path: Path) -> None:
    main(["up", "--stack", "toy"])
    run = run_of(tmp_path / "run", dev_stack="1")
    stack = acquire.stack_of(run)
    summary = [*report.summary(run, stack.info, evidence=(), page=None)]
    run.end()

    assert stack.info.id == "warm"
    assert "  the stack is left running; stop it with: plexdev down --stack toy" in summary
    assert toy.exists()
