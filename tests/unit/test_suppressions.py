"""A finding of ruff or mypy that is suppressed has its reason beside it."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUPPRESSION = re.compile(r"noqa|type:\s*ignore")
WITH_REASON = re.compile(r"# (noqa: [A-Z]+\d+(, [A-Z]+\d+)*|type: ignore\[[a-z-]+\])\s*[-(#] ?\w.*")
GENERATED = re.compile(r"_pb2(_grpc)?\.py$")


def test_every_suppression_has_its_reason() -> None:
    without = [place for place, comment in comments() if SUPPRESSION.search(comment) and not WITH_REASON.match(comment)]

    assert without == []


def comments() -> Iterator[tuple[str, str]]:
    for package in ("pytest_plexdev", "plexsphere_reference"):
        for module in sorted((ROOT / package).rglob("*.py")):
            if GENERATED.search(module.name):
                continue
            with module.open("rb") as file:
                for token in tokenize.tokenize(file.readline):
                    if token.type == tokenize.COMMENT:
                        yield f"{module.relative_to(ROOT)}:{token.start[0]}", token.string
