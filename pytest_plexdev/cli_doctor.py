"""``plexdev doctor``: the runbook's failure modes, looked for on this machine and in one cluster."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_plexdev.doctor import Finding
    from pytest_plexdev.kube import Access


def add_doctor_command(commands: Any) -> None:
    """Add it to what ``ArgumentParser.add_subparsers`` returned; it sets ``run``."""
    doctor = commands.add_parser("doctor", help="look for what usually goes wrong; exit code 1: something was found")
    doctor.add_argument("--kubeconfig", type=Path, metavar="FILE", help="default: our own, then yours; never changed")
    doctor.add_argument("--context", metavar="NAME", help="default: kind-plexsphere")
    what = doctor.add_mutually_exclusive_group()
    what.add_argument("--fix", metavar="MODE", help="mend this failure mode, in a cluster of ours, where that is safe")
    what.add_argument("--json", action="store_true", help="for programs")
    what.add_argument("--crds", action="store_true", help="print the gateway's CustomResourceDefinitions and end")
    doctor.set_defaults(run=lambda options: _doctor(doctor, options))


def _doctor(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from pytest_plexdev.doctor import examine, patient, show
    from pytest_plexdev.doctor.remarks import remarks
    from pytest_plexdev.doctor.table import TABLE, mode_of

    if options.crds:
        return _print_definitions()
    if options.fix and mode_of(options.fix) is None:
        parser.error(f"argument --fix: {options.fix}: must be one of {', '.join(mode.tag for mode in TABLE)}")
    access = patient.choose(options.kubeconfig, options.context)
    findings = examine(access)
    if options.fix:
        return _fix(options.fix, findings, access)
    if options.kubeconfig is None and options.context is None:
        from pytest_plexdev.doctor.embedded import examine_embedded

        findings += examine_embedded()
    said = remarks(access)
    if options.json:
        _print(json.dumps({**show.as_json(findings, access), "remarks": [each.text for each in said]}, indent=2))
    else:
        _print(f"plexdev doctor: {access.context if access else 'this machine'}")
        _print("\n".join([show.as_text(findings, access), *(f"\nbesides: {each.text}" for each in said)]))
    found = any(each.state == "found" for each in findings) or any(each.is_trouble for each in said)
    return 1 if found else 0


def _fix(mode: str, findings: Sequence[Finding], access: Access | None) -> int:
    from pytest_plexdev.cli_kind import warm_settings
    from pytest_plexdev.doctor.fixes import mend
    from pytest_plexdev.progress import show

    finding = next(each for each in findings if each.mode == mode)
    with show(as_json=False) as progress:
        done = mend(finding, access, warm_settings(), progress)
    for line in done:
        _print(f"plexdev doctor: {mode}: {line}")
    return 0


def _print_definitions() -> int:
    from pytest_plexdev.extras import need_kind

    need_kind("yaml")
    from pytest_plexdev.stack.kind.manifests.vendor import custom_resource_definitions

    _print(json.dumps({"apiVersion": "v1", "kind": "List", "items": custom_resource_definitions()}))
    return 0


def _print(text: str) -> None:
    print(text)  # noqa: T201
