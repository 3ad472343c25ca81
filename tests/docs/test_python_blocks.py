"""Every Python block of a page can be pasted as a file: it compiles, and imports what it uses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from sybil import Document
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

from tests.support.checkout import ROOT

PAGES: Final = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
PYTHON: Final = re.compile(r"python(?: [^\n]*)?\n")


def test_every_block_imports_what_it_uses(tmp_path: Path) -> None:
    count = 0
    for page in PAGES:
        document = Document(page.read_text(encoding="utf-8"), str(page))
        for region in RawFencedCodeBlockLexer(PYTHON)(document):
            line = document.text.count("\n", 0, region.start) + 1
            (tmp_path / f"{page.stem}_line_{line}.py").write_text(str(region.lexemes["source"]), encoding="utf-8")
            count += 1

    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", "--output-format=concise", "."]
    checked = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert count > 20
    assert checked.returncode == 0, checked.stdout + checked.stderr
