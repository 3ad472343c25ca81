"""Write every page that is generated from the code: ``make docs``."""

from __future__ import annotations

from docs.generate import PAGES, ROOT

for name, page in PAGES.items():
    (ROOT / name).write_text(page(), encoding="utf-8")
