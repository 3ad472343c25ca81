"""Code, configuration and pages cite pages that are in the repository."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.console import ROOT

CITED = re.compile(r"\b(?:docs/)(?:[\w-]+/)*[\w-]+\.md\b")


def tracked(pattern: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


@pytest.mark.parametrize("pattern", ["*.py", "*.y*ml", "*.toml", "*.md", "Makefile"])
def test_every_cited_page_exists(pattern: str) -> None:
    cited = {(name, page) for name in tracked(pattern) for page in CITED.findall((ROOT / name).read_text("utf-8"))}

    assert [each for each in sorted(cited) if not (ROOT / each[1]).is_file()] == []
