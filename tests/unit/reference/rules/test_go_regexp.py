from __future__ import annotations

import time

import pytest

from plexsphere_reference.rules import go_regexp
from plexsphere_reference.rules.go_regexp import InvalidPattern


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("b", "abc", True),
        ("^a$", "a\n", False),
        (r"^a\z", "a\n", False),
        (r"^\d$", "٣", False),
        (r"^\w$", "é", False),
        (r"\s", "\u00a0", False),
        (r"^\pL+$", "éß", True),
        (r"^\p{Greek}$", "λ", True),
        (r"^\PL$", "1", True),
        ("(?i)^straße$", "STRASSE", False),
        ("(?i)^AB$", "ab", True),
        ("(?s)^.$", "\n", True),
        ("^.$", "\n", False),
        ("(?P<n>a)(?<m>b)", "ab", True),
        (r"^\Qa.b\E$", "a.b", True),
        (r"^\Qa.b\E$", "axb", False),
        ("^[[:alpha:]]$", "a", True),
        (r"^\x{1F600}$", "\U0001f600", True),
        (r"^[^\x00-\x7f]$", "é", True),
        ("^a{,2}$", "a{,2}", True),
        (r"\\C", "\\C", True),
        (r"^[(\]a{9999}]$", "(", True),
        (r"^\Qa{9999}\E$", "a{9999}", True),
        ("^" + "(" * 900 + ")" * 900 + "$", "", True),
    ],
)
def test_a_pattern_means_what_go_reads(pattern: str, text: str, *, expected: bool) -> None:
    go_regexp.check(pattern)

    assert go_regexp.matches(pattern, text) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?=a)", "(?!a)", "(?<=a)", "(?<!a)", r"(a)\1", "(?P<n>a)(?P=n)", "(?>a)", "(?#c)", "(?x)a", "(?(1)a|b)"),
        *(
            r"\Z",
            r"\h",
            r"\R",
            r"\N",
            r"\C",
            r"a\\\C",
            "a++",
            "a**",
            "a{1001}",
            "a{9999999999}",
            "(a{1000}){1000}",
            "(",
            "[a",
            r"\pX",
        ),
        *("(?P<n>a)(?P<n>b)", "(?<é>a)", "(?<>a)", "(?P<n>a)(?<n>b)", "(" * 3000 + ")" * 3000),
    ],
    ids=lambda pattern: pattern[:20],
)
def test_what_go_does_not_compile(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        go_regexp.check(pattern)


def test_a_match_takes_no_exponential_time() -> None:
    began = time.process_time()

    assert not go_regexp.matches("^(a+)+$", "a" * 200_000 + "b")

    assert time.process_time() - began < 5
