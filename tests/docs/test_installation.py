"""Nothing installs pytest-plexdev by its name alone: no index has it, and anyone may register the name there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from tests.support.checkout import ROOT, checkout_files

BY_NAME: Final = re.compile(r"(?<!/)pytest-plexdev\[[^\]]*\](?! @)|pip install (?:-\S+ )*['\"]?pytest-plexdev\b")
SUFFIXES: Final = {".md", ".toml", ".py", ".yml", ".yaml"}
EXPECTED: Final = {
    "docs/how-to/sibling-project.md": "the warning against it",
    "pyproject.toml": "the extra `all` of the package itself",
}


def test_every_requirement_names_a_place() -> None:
    files = [path for path in checkout_files() if path.suffix in SUFFIXES and path != Path(__file__)]
    found = {str(path.relative_to(ROOT)): BY_NAME.findall(path.read_text("utf-8")) for path in files}

    assert {name: len(texts) for name, texts in found.items() if texts} == dict.fromkeys(EXPECTED, 1)


def test_the_sibling_project_names_the_clone() -> None:
    example = ROOT / "examples" / "sibling"
    project = tomllib.loads((example / "pyproject.toml").read_text(encoding="utf-8"))
    (requirement,) = project["project"]["optional-dependencies"]["test"]

    assert project["tool"]["hatch"]["metadata"] == {"allow-direct-references": True}
    assert requirement.partition(" @ ")[2] == "{root:parent:parent:uri}"
    assert example.parent.parent == ROOT
