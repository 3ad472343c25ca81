"""Environments with directory names, or neighbouring directories, that programs may misinterpret."""

from __future__ import annotations

import shutil
from typing import Final

from tests.support.checkout import ROOT
from tests.support.environments.model import Environment, Place

_ODD: Final = "a \"b'\\c %41$HOME;d#e&f=g:h@i?*[j]{k}ü"
_LONG: Final = "long/" * 20


def _temporary(name: str, path: str, **variables: str | None) -> Environment:
    return Environment(
        name=f"temporary-directory-{name}",
        prepare=lambda place: (place.root / path).mkdir(parents=True),
        variables={"TMPDIR": f"{{place}}/{path}", **variables},
    )


def _installed_beside_a_deploy(place: Place) -> None:
    """Install the packages like a wheel, beside a directory ``deploy`` of another distribution."""
    site = place.root / "site-packages"
    for package in ("pytest_plexdev", "plexsphere_reference"):
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "deploy", site / "pytest_plexdev" / "_deploy")
    (site / "deploy" / "local").mkdir(parents=True)


PLACES: Final = (
    _temporary("odd", _ODD),
    _temporary("odd-for-initdb", _ODD, PLEXDEV_CACHE_DIR=None),
    _temporary("with-a-line-break", "line\nbreak"),
    _temporary("with-a-comma", "comma,s"),
    _temporary("too-long", _LONG),
    Environment(
        name="deploy-in-site-packages",
        prepare=_installed_beside_a_deploy,
        variables={"PYTHONPATH": "{place}/site-packages"},
        options=["-W", "ignore::pytest.PytestAssertRewriteWarning"],
    ),
)
