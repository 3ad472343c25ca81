"""Pages that are cited in code, configuration and other pages exist in the repository."""

from __future__ import annotations

import re
from typing import Final

from tests.support.checkout import ROOT, checkout_files

CITED: Final = re.compile(r"\bdocs/(?:[\w-]+/)*[\w-]+\.md\b")
SUFFIXES: Final = {".py", ".yaml", ".yml", ".toml", ".md"}


def test_every_cited_page_exists() -> None:
    files = [path for path in checkout_files() if path.suffix in SUFFIXES or path.name == "Makefile"]
    cited = {(str(path.relative_to(ROOT)), page) for path in files for page in CITED.findall(path.read_text("utf-8"))}

    assert len(cited) > 30
    assert [each for each in sorted(cited) if not (ROOT / each[1]).is_file()] == []
