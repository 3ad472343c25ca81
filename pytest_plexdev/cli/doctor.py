"""``plexdev doctor``: check this machine and one cluster for the runbook's failure modes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_plexdev.cli.output import add_json, report_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_plexdev.doctor import Finding
    from pytest_plexdev.kube import Access
    from pytest_plexdev.stack.kind.warm.node_status import NodeProblem


def add_doctor_command(commands: Any) -> None:
    """Add the command, which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    doctor = commands.add_parser(
        "doctor", help="find known problems and print the commands that fix them (exit code 1 if one was found)"
    )
    doctor.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="kubeconfig to read; default: plexdev's own, then yours"
    )
    doctor.add_argument("--context", metavar="NAME", help="context to examine; default: kind-plexsphere")
    what = doctor.add_mutually_exclusive_group()
    doctor.add_argument(
        "--fix", metavar="MODE", group=what, help="fix this failure mode, in a cluster that plexdev created"
    )
    doctor.add_argument("--crds", action="store_true", group=what, help="print the CustomResourceDefinitions and exit")
    add_json(doctor)
    doctor.set_defaults(run=lambda options: _doctor(doctor, options))


def _doctor(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from pytest_plexdev.doctor import examine, render_findings, target
    from pytest_plexdev.doctor.modes import MODES, mode_of
    from pytest_plexdev.doctor.notes import notes

    if options.crds:
        return _print_definitions(options)
    if options.fix and mode_of(options.fix) is None:
        parser.error(f"argument --fix: {options.fix}: must be one of {', '.join(mode.tag for mode in MODES)}")
    access = target.find_target(options.kubeconfig, options.context)
    if options.fix:
        return _fix(options, examine(access), access)
    if options.kubeconfig is None and options.context is None:
        from pytest_plexdev.doctor.embedded import examine_embedded
        from pytest_plexdev.doctor.warm_cluster import examine_warm_cluster

        outside = examine_warm_cluster(access)
        findings = [*_examined(access, outside.problem), *outside.findings, *examine_embedded()]
        access = access if outside.problem is None else None
    else:
        findings = examine(access)
    remarks = notes(access)
    head = f"plexdev doctor: {access.context if access else 'this machine'}"
    report_result(
        options,
        {**render_findings.as_json(findings, access), "remarks": [each.text for each in remarks]},
        lambda: "\n".join(
            [head, render_findings.as_text(findings, access), *(f"\nnote: {each.text}" for each in remarks)]
        ),
    )
    found = any(each.state == "found" for each in findings) or any(each.is_problem for each in remarks)
    return 1 if found else 0


def _examined(access: Access | None, problem: NodeProblem | None) -> list[Finding]:
    """The findings. A cluster with a problem of its node is not queried."""
    from pytest_plexdev.doctor import examine
    from pytest_plexdev.doctor.facts import Unknown

    if problem is None:
        return examine(access)
    return examine(None, without=Unknown(f"{problem.node}: {problem.reason}"))


def _fix(options: argparse.Namespace, findings: Sequence[Finding], access: Access | None) -> int:
    from pytest_plexdev.cli.environment import request_for
    from pytest_plexdev.cli.progress import show
    from pytest_plexdev.doctor.fixes import apply_fix
    from pytest_plexdev.stack.kind.provider import KindProvider
    from pytest_plexdev.stack.kind.settings import settings_for

    finding = next(each for each in findings if each.mode == options.fix)
    with show(as_json=options.json) as progress:
        done = list(apply_fix(finding, access, settings_for(request_for(KindProvider.name)), progress))
    result = {"mode": options.fix, "done": done}
    report_result(options, result, lambda: "\n".join(f"plexdev doctor: {options.fix}: {line}" for line in done))
    return 0


def _print_definitions(options: argparse.Namespace) -> int:
    from pytest_plexdev.core.extras import CLUSTER_EXTRA, need

    need(CLUSTER_EXTRA, "yaml")
    from pytest_plexdev.core.profiles import WARM_DEFAULT
    from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions, sources_of

    listing = {"apiVersion": "v1", "kind": "List", "items": custom_resource_definitions(sources_of(WARM_DEFAULT))}
    report_result(options, listing, lambda: json.dumps(listing))
    return 0
