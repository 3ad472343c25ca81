"""docs/reference/manifests.md has a row for each manifest, and each row names an existing test."""

from __future__ import annotations

import re

import pytest

from tests.support.checkout import ROOT
from tests.support.manifests import BASES, DEPLOY
from tests.support.pods import ORDER

PAGE = (ROOT / "docs" / "reference" / "manifests.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([\w./-]+)` \| ([^|]+) \| `([\w./]+)::(\w+)` \|$", PAGE, re.MULTILINE)
DIRECTORIES = {f"base/{each.name}/" for each in BASES} | {
    f"{each.parent.relative_to(DEPLOY)}/"
    for each in DEPLOY.rglob("kustomization.yaml")
    if each.parent.parent != DEPLOY / "base"
}


def test_every_directory_has_a_row_and_every_row_a_directory() -> None:
    manifests = {name for name, _, _, _ in ROWS}

    assert manifests == DIRECTORIES | {"kind.yaml"}
    assert len(ROWS) == len(manifests)


@pytest.mark.parametrize(("manifest", "file", "test"), [(name, file, test) for name, _, file, test in ROWS])
def test_the_test_of_a_row_is_there(manifest: str, file: str, test: str) -> None:
    path = ROOT / file

    assert path.is_file()
    assert f"def {test}(" in path.read_text(encoding="utf-8")


def test_the_order_on_the_page_is_the_manifests_own() -> None:
    rows = re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+) \| (`.*) \|$", PAGE, re.MULTILINE)
    printed = {
        name: re.findall(r"`([\w-]+)`", containers)
        for names, containers in rows
        for name in re.findall(r"`([\w-]+)`", names)
    }

    assert printed == ORDER
