"""The evidence of one failing test of the sibling project, line by line: on the terminal, and in its folder."""

from __future__ import annotations

import re
import shutil
from typing import Final

import pytest

from tests.support.checkout import ROOT

EXAMPLE: Final = ROOT / "examples" / "sibling"
FAILS: Final = """\
import my_cli


def test_old_agent(plexdev_stack, plexdev_node, plexdev_http, plexdev_login):
    session = my_cli.Session(plexdev_stack.api_url, plexdev_login("acme-corp").token)
    assert session.projects(plexdev_node.project.domain_id) == [plexdev_node.project.slug]
    plexdev_http(plexdev_node).post(f"/v1/nodes/{plexdev_node.id}/heartbeat", json={"binary_version": "0.1.0"})
    assert plexdev_node.reachability() == "healthy"
"""
NORMAL: Final = (
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "DATE"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\b\d+(\.\d+)? (ms|s)\b", r"N \2"),
    (r"localhost:\d+", "localhost:PORT"),
    (r"\b([np]sk_\*\*\*)[\w-]{4}", r"\1LAST"),
    (r"Python-urllib/[\d.]+", "Python-urllib/N"),
    (r"\(pid \d+\)", "(pid N)"),
    (r"plexdev-[0-9a-f]{8}", "plexdev-RUN"),
)
"""What differs between two runs. Nothing of it changes where a line of 110 columns is broken."""
ON_THE_TERMINAL: Final = """\
>       assert plexdev_node.reachability() == "healthy"
E       AssertionError: assert 'unreachable' == 'healthy'
E         It is unreachable since TIME UTC, N s before this was read.
E         It had no heartbeat yet.

tests/test_fails.py:8: AssertionError
- plexdev HTTP exchanges -
set-up: 10 exchanges
call:
TIME POST /v1/nodes/ID/heartbeat -> 400 malformed_heartbeat_request:
    Object missing required field `client_now` in N ms
  correlation_id ID
  curl http://localhost:PORT/v1/nodes/ID/heartbeat \\
    -H 'Authorization: Bearer nsk_***LAST' -H 'Content-Type: application/json' \\
    -d '{"binary_version":"0.1.0"}'
TIME GET /v1/nodes/ID/reachability -> 200 in N ms
  curl http://localhost:PORT/v1/nodes/ID/reachability \\
    -H 'Authorization: Bearer psk_***LAST'
  < {"state":"unreachable","changed_at":"DATE"}
- plexdev requests of other clients -
set-up: 2 requests
call:
TIME GET /v1/projects -> 200 in N ms
- plexdev -
"""
IN_THE_PAGE: Final = """\
call:
TIME POST /v1/nodes/ID/heartbeat -> 400 malformed_heartbeat_request: Object missing required field `client_now` in N ms
  correlation_id ID
  curl http://localhost:PORT/v1/nodes/ID/heartbeat -H 'Authorization: Bearer nsk_***LAST'\
 -H 'Content-Type: application/json' -d '{"binary_version":"0.1.0"}'
  < {"type":"https://plexsphere.com/errors/malformed-heartbeat-request","title":"Malformed Heartbeat Request",\
"status":400,"detail":"Object missing required field `client_now`","instance":"/v1/nodes/ID/heartbeat",\
"code":"malformed_heartbeat_request","correlation_id":"ID"}
TIME GET /v1/nodes/ID/reachability -> 200 in N ms
  correlation_id ID
  curl http://localhost:PORT/v1/nodes/ID/reachability -H 'Authorization: Bearer psk_***LAST'
  < {"state":"unreachable","changed_at":"DATE"}
```

## Requests of other clients

```text
set-up:
TIME GET /v1/auth/callback -> 303 in N ms
  correlation_id ID
  by user:ID in Domain ID, client pytest-plexdev (pid N)
TIME POST /v1/auth/device/approve -> 200 in N ms
  correlation_id ID
  by user:ID in Domain ID, client pytest-plexdev (pid N)

call:
TIME GET /v1/projects -> 200 in N ms
  correlation_id ID
  by user:ID in Domain ID, client Python-urllib/N
```

## Log files

What the services logged since the test began:

- [plexsphere.log](plexsphere.log)

## What to type next

- Run this test again, in a second: `plexdev up`, then `pytest --dev-stack tests/test_fails.py::test_old_agent`
- Stop at the failure, with the stack running: `pytest --pdb tests/test_fails.py::test_old_agent`
- Keep the stack of a failed run: `pytest --plexdev-keep=on-failure tests/test_fails.py::test_old_agent`
- Look for known failure modes of the stack: `plexdev doctor`
"""


def normal(text: str) -> str:
    for pattern, replacement in NORMAL:
        text = re.sub(pattern, replacement, text)
    return re.sub(r"^-{3,}( .* )-{3,}$", r"-\1-", text, flags=re.MULTILINE)


def test_a_failure_reads_as_documented(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    shutil.copytree(EXAMPLE, project.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (project.path / "tox.ini").unlink()
    (project.path / "tests" / "test_fails.py").write_text(FAILS)
    result = project.runpytest_subprocess("tests/test_fails.py")

    result.assert_outcomes(failed=1)
    printed = normal("\n".join(line.rstrip() for line in result.outlines))
    start = printed.index(">       assert plexdev_node")
    end = printed.index("- plexdev -\n") + len("- plexdev -\n")
    assert printed[start:end].splitlines() == ON_THE_TERMINAL.splitlines()

    folder = project.path / ".plexdev" / "tests-test_fails.py-test_old_agent"
    page = normal((folder / "index.md").read_text())
    assert page[page.index("call:\n") :].splitlines() == IN_THE_PAGE.splitlines()
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings[:4] == [
        "# `tests/test_fails.py::test_old_agent`",
        "## Failure in call",
        "## Readiness",
        "## HTTP exchanges",
    ]
    assert sorted(path.name for path in folder.glob("[!.]*")) == ["index.md", "plexsphere.log"]
