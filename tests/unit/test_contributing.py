"""Files, tests and names of the code in CONTRIBUTING.md exist."""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "CONTRIBUTING.md").read_text()
PROSE: Final = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
CONSOLE: Final = "".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
QUOTED: Final = set(re.findall(r"`([^`\n]+)`", PROSE))
FILE: Final = re.compile(r"[\w.<>-]+(?:/[\w.<>-]+)*(?:/|\.(?:py|md|toml|yaml|zed))|\.?[\w-]+(?:/[\w.<>-]+)+|\.[a-z]+")
NAME: Final = re.compile(r"[A-Z_]*[A-Z]\w+")
"""A class or a constant of the code."""
OF_THE_READER: Final = {".venv", "site/"}
RECIPES: Final = PROSE.partition("\n## Recipes\n")[2].split("\n### ")[1:]


def files_of(text: str) -> list[str]:
    quoted = re.findall(r"`([^`\n]+)`", text)
    return [each for each in quoted if FILE.fullmatch(each) and each not in OF_THE_READER]


def is_there(name: str) -> bool:
    """Whether the path exists; one with a placeholder, whether its folder does. A bare name is in any folder."""
    if "<" in name:
        return (ROOT / name.partition("<")[0].rpartition("/")[0]).is_dir()
    return (ROOT / name).exists() or ("/" not in name and any((ROOT / "pytest_plexdev").rglob(name)))


def test_every_file_exists() -> None:
    files = [*files_of(PROSE), *re.findall(r"\btests/[\w/.]+", CONSOLE), *re.findall(r"\]\(([^)]+)\)", PAGE)]

    assert len(files) > 80
    assert [name for name in files if not is_there(name)] == []


def test_every_name_of_the_code_is_defined() -> None:
    sources = [path for top in ("pytest_plexdev", "plexsphere_reference") for path in (ROOT / top).rglob("*.py")]
    code = "\n".join(path.read_text() for path in sources)
    names = {each for each in QUOTED if NAME.fullmatch(each) and not each.startswith("PLEXDEV_")} - set(dir(builtins))

    assert len(names) > 15
    assert [name for name in sorted(names) if not re.search(rf"^(class )?{name}\b[:(\s]", code, re.MULTILINE)] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda text: text.partition("\n")[0])
def test_every_recipe_names_its_files_and_tests(recipe: str) -> None:
    steps, _, tests = recipe.partition("\nTests: ")

    assert re.search(r"^1\. ", steps, re.MULTILINE)
    assert [name for name in files_of(steps) if name.startswith(("pytest_plexdev/", "plexsphere_reference/"))]
    assert [name for name in files_of(tests) if name.startswith("tests/")]


def test_the_recipe_for_errors_names_every_module() -> None:
    (recipe,) = (each for each in RECIPES if each.startswith("Add an error"))
    named = {Path(each).name for each in files_of(recipe)}

    assert {path.name for path in (ROOT / "pytest_plexdev" / "errors").glob("*.py")} - named == {"base.py"}


def test_the_seven_recipes_are_there() -> None:
    assert len(RECIPES) == 7
