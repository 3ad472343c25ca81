"""Hooks of MkDocs: the pages of the repository's root join the site, and no page links to a file outside of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_ROOT: Final = Path(__file__).parents[2]
_ROOT_PAGES: Final = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root, with links as they are below ``docs/``."""
    for name in _ROOT_PAGES:
        text = (_ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Point links to pages of the repository's root to their copies in the site."""
    names = "|".join(map(re.escape, _ROOT_PAGES))
    return re.sub(rf"\]\(\.\./\.\./({names})", r"](../\1", markdown)
