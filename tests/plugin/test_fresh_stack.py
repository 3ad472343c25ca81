"""Whole runs on a fresh embedded stack: one bring-up, nothing left behind, failures that say what happened."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "sibling"

NOTES_THE_STACK = """
import json, os, pathlib, pytest

@pytest.mark.parametrize("number", range(4))
def test_stack(plexdev_stack, number):
    pids = [service.pid for service in plexdev_stack.info.services if service.pid]
    note = {"id": plexdev_stack.info.id, "directory": str(plexdev_stack.info.directory), "pids": pids}
    pathlib.Path(f"note-{number}.json").write_text(json.dumps(note))
"""


@pytest.fixture
def temporary(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the run puts its directory. Short, for sockets; one of its own, so that all in it is the run's."""
    directory = Path("/tmp") / f"pt-{os.getpid()}-{os.urandom(3).hex()}"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


def assert_nothing_is_left(temporary: Path, notes: list[dict[str, object]]) -> None:
    alive = [pid for note in notes for pid in note["pids"] if Path(f"/proc/{pid}").exists()]  # type: ignore[attr-defined]
    assert alive == []
    assert [path.name for path in temporary.iterdir() if path.name.startswith("plexdev")] == []
    shutil.rmtree(temporary)


def notes_of(project: pytest.Pytester) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in project.path.glob("note-*.json")]


@pytest.mark.parametrize("workers", [[], ["-n", "3"]])
def test_one_stack_per_run_whoever_asks(project: pytest.Pytester, temporary: Path, workers: list[str]) -> None:
    project.makepyfile(test_stack=NOTES_THE_STACK)
    result = project.runpytest_subprocess(*workers)

    result.assert_outcomes(passed=5)
    notes = notes_of(project)
    assert (len(notes), len({note["id"] for note in notes})) == (4, 1)
    result.stdout.fnmatch_lines(
        [
            "*- plexdev -*",
            "embedded stack * at http://localhost:*",
            "  ran: postgres 16.*, nats 2.*",
            "  left out: *OpenBao*",
            "  seconds: *all *",
            "  warm next time: plexdev up, then pytest --dev-stack …",
        ]
    )
    assert_nothing_is_left(temporary, notes)


def test_a_worker_that_crashes_leaves_the_stack_to_the_others(project: pytest.Pytester, temporary: Path) -> None:
    project.makepyfile(
        test_crash="import os\n\ndef test_crash(plexdev_stack):\n    os._exit(3)\n", test_stack=NOTES_THE_STACK
    )
    result = project.runpytest_subprocess("-n", "2")

    result.assert_outcomes(passed=5, failed=1)
    notes = notes_of(project)
    assert len({note["id"] for note in notes}) == 1
    assert_nothing_is_left(temporary, notes)


def test_a_sibling_project_needs_no_conftest(pytester: pytest.Pytester) -> None:
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=3)


@pytest.mark.parametrize("arguments", [["-k", "test_8"], ["-n", "2", "-p", "no:randomly"]])
def test_the_golden_flow_from_a_foreign_project(project: pytest.Pytester, arguments: list[str]) -> None:
    result = project.runpytest_subprocess("--pyargs", "pytest_plexdev.golden", *arguments)

    result.assert_outcomes(passed=1 if "-k" in arguments else 9)


def test_a_server_that_dies_is_named_once_and_the_rest_is_skipped(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_death="""
        import os, signal

        def test_before(plexdev_client):
            list(plexdev_client.domains.list())

        def test_kill(plexdev_stack, plexdev_client):
            pid = next(service.pid for service in plexdev_stack.info.services if service.name == "plexsphere")
            os.kill(pid, signal.SIGKILL)
            list(plexdev_client.domains.list())

        def test_after(plexdev_client):
            pass

        def test_that_needs_no_stack():
            pass
        """
    )
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-rsf")

    result.assert_outcomes(passed=3, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]server-died[]]: plexsphere ended with *KILL* during the run",
            "  why: something outside the stack killed it, or the kernel did*; the stack is incomplete, so *",
            "  fix: read *plexsphere.log; then run again: the next run brings up a stack of its own",
            "  at: *test_death.py:9",
            "SKIPPED*the stack is incomplete: plexdev[[]server-died[]]: plexsphere ended*",
            "FAILED test_death.py::test_kill - plexdev[[]server-died[]]*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_server_that_dies_between_tests_is_an_error_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_death="""
        import os, signal, time

        def test_kill(plexdev_stack):
            pid = next(service.pid for service in plexdev_stack.info.services if service.name == "nats")
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

        def test_next(plexdev_stack):
            pass

        def test_last(plexdev_stack):
            pass
        """
    )
    result = project.runpytest_subprocess("-k", "death")

    result.assert_outcomes(passed=1, errors=1, skipped=1)
    result.stdout.fnmatch_lines(["plexdev[[]server-died[]]: nats ended with *KILL* during the run"])


def test_a_failing_test_leaves_evidence_without_secrets(project: pytest.Pytester) -> None:
    project.makeconftest(
        "def pytest_plexdev_diagnostics(stack, item):\n    return [('mine', f'asked for {item.name}')]\n"
    )
    project.makepyfile(
        test_evidence="""
        def test_fails(plexdev_project, plexdev_tenant):
            token = plexdev_tenant.client.bootstrap_tokens.issue(plexdev_project.id)
            assert token.token == ""
        """
    )
    result = project.runpytest_subprocess("-n", "1")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- plexdev readiness -*",
            "all ready: *plexsphere, *",
            "*- plexdev HTTP exchanges -*",
            "* POST /v1/projects/*/bootstrap-tokens -> 201 (* ms)",
            "*- plexdev diagnostics -*",
            "asked for test_fails",
            "  evidence: .plexdev/test_evidence.py-test_fails",
        ]
    )
    (kept,) = (project.path / ".plexdev").glob("[!.]*")
    assert kept.name == "test_evidence.py-test_fails"
    exchanges = (kept / "HTTP-exchanges.txt").read_text()
    assert '"token":"psb_***' in exchanges
    assert "psk_" not in exchanges.replace("psk_***", "")
    assert "psb_" not in exchanges.replace("psb_***", "")


def test_evidence_is_what_happened_in_the_test_and_short(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_evidence="""
        def test_quiet(plexdev_stack):
            assert plexdev_stack is None

        def test_refused(plexdev_client):
            plexdev_client.domains.get("00000000-0000-4000-8000-000000000000")
        """
    )
    result = project.runpytest_subprocess("-k", "evidence")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "no request since the test began",
            "no line since the test began",
            "E * GET /v1/domains/*",
            "  evidence: .plexdev/test_evidence.py-test_quiet",
            "  evidence: .plexdev/test_evidence.py-test_refused",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_plexdev/api/*")
    result.stdout.no_fnmatch_line("*diagnostics*")
    result.stdout.no_fnmatch_line("*database system is ready*")
    assert len(result.stdout.lines) < 100


def test_a_service_that_is_gone_tells_its_whole_story(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_gone="""
        import os, signal, time

        def test_gone(plexdev_stack):
            pid = next(service.pid for service in plexdev_stack.info.services if service.name == "nats")
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
            assert False
        """
    )
    result = project.runpytest_subprocess("-k", "gone")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["nats *gone *ended with *KILL*", "? more are ready"])
    assert "Server is ready" in (project.path / ".plexdev" / "test_gone.py-test_gone" / "logs.txt").read_text()


def test_a_report_that_cannot_be_written_leaves_a_green_run_green(project: pytest.Pytester) -> None:
    (project.path / "file").write_text("")
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess("--plexdev-report=file/timeline.html")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["  timeline: not written to file/timeline.html: *", "  warm next time: *"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_a_bring_up_that_fails_is_told_by_one_test_and_tried_once(
    project: pytest.Pytester, temporary: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", str(tmp_path / "file" / "cache"))
    project.makepyfile(test_stack=NOTES_THE_STACK)
    result = project.runpytest_subprocess("-n", "2")

    result.assert_outcomes(passed=1, errors=1, skipped=3)
    result.stdout.fnmatch_lines(["plexdev[[]cache-unwritable[]]: *", "  fix: *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*- plexdev -*")
    assert_nothing_is_left(temporary, [])


def test_a_kept_stack_stays_and_the_summary_says_how_to_end_it(project: pytest.Pytester, temporary: Path) -> None:
    project.makepyfile(test_stack=NOTES_THE_STACK)
    result = project.runpytest_subprocess("--plexdev-keep=always", "--plexdev-report=out/timeline.html")

    result.assert_outcomes(passed=5)
    note = notes_of(project)[0]
    assert all(Path(f"/proc/{pid}").exists() for pid in note["pids"])  # type: ignore[attr-defined]
    assert [path.name for path in temporary.rglob("logins")] == []
    (kept_line,) = [line for line in result.stdout.lines if line.startswith("  kept (--plexdev-keep=always)")]
    timeline = (project.path / "out" / "timeline.html").read_text()
    assert "<td>plexsphere<" in timeline
    assert len(set(re.findall(r"margin-left:([\d.]+)em", timeline))) > 3

    command = kept_line.rpartition("end it with: ")[2].split()
    assert command[:2] == ["plexdev", "down"]
    subprocess.run([sys.executable, "-m", "pytest_plexdev.cli.main", *command[1:]], check=True)
    assert_nothing_is_left(temporary, notes_of(project))


def test_a_project_may_bring_its_own_seed(project: pytest.Pytester) -> None:
    seed = (Path(__file__).parents[2] / "deploy" / "local" / "seed" / "tenants.yaml").read_text()
    (project.path / "seed.yaml").write_text(seed.replace("gamma-coop", "delta-coop"))
    project.makeconftest("def pytest_plexdev_seed(config):\n    return config.rootpath / 'seed.yaml'\n")
    project.makepyfile(
        test_seed="""
        def test_seed(plexdev_tenants):
            assert sorted(plexdev_tenants) == ["acme-corp", "beta-llc", "delta-coop"]
            assert plexdev_tenants["delta-coop"].domain.slug == "delta-coop"
        """
    )

    project.runpytest_subprocess("-k", "seed").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("number", "workers", "moment"),
    [
        (signal.SIGINT, [], "bring-up"),
        (signal.SIGINT, [], "test"),
        (signal.SIGKILL, [], "test"),
        (signal.SIGKILL, ["-n", "2"], "test"),
        (signal.SIGKILL, [], "bring-up"),
    ],
)
def test_however_the_run_ends_nothing_is_left(
    project: pytest.Pytester, temporary: Path, number: signal.Signals, workers: list[str], moment: str
) -> None:
    project.makepyfile(
        test_wait="""
        import pathlib, time

        def test_wait(plexdev_client):
            pathlib.Path("ready").touch()
            time.sleep(60)
        """
    )
    command = [sys.executable, "-m", "pytest", "-k", "wait", *workers]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as pytest_run:
        sign = {"test": project.path / "ready", "bring-up": temporary}[moment]
        wait_until(lambda: sign.is_file() or any(sign.glob("*/stack/logs/nats.log")), seconds=30)
        pytest_run.send_signal(number)
    # The promise is two seconds; a machine that is busy with other tests gets more.
    wait_until(lambda: not processes_of(temporary) and not any(temporary.glob("plexdev*")), seconds=10)
    shutil.rmtree(temporary)


SHOWS_SECRETS = """
import json, logging, pathlib, secrets, sys
from urllib.parse import urlsplit
import httpx
from pytest_plexdev.testkit.browser import Browser
from pytest_plexdev.testkit.node_agent import NodeAgent

def note(*secrets):
    with pathlib.Path("../noted").open("a") as noted:
        noted.writelines(f"{secret}\\n" for secret in secrets)

def test_locals(plexdev_stack, plexdev_login, plexdev_client, plexdev_project, plexdev_node, plexdev_db):
    login, other = plexdev_login("acme-corp"), plexdev_login("beta-llc")
    nobody = plexdev_stack.anonymous
    start = nobody.auth.sign_in(domain_id=login.domain_id)
    device = nobody.auth.device_code(domain_id=login.domain_id)
    plexdev_login.approve(device.verification_uri_complete)
    access = nobody.auth.device_token(device.device_code)
    bootstrap = plexdev_client.bootstrap_tokens.issue(plexdev_project.id)
    cookie = list(start.cookies.values())[0]
    note(login.token, other.token, access.access_token, device.device_code, bootstrap.token, cookie)
    note(start.nonce, start.state, start.code_verifier_handle, plexdev_node.registration.nsk)
    transport, info, url = plexdev_client.transport, plexdev_stack.info, plexdev_stack.database_url
    exchanges = list(plexdev_stack.exchanges)
    http = httpx.Client(headers={"Authorization": f"Bearer {login.token}"}, cookies=start.cookies)
    request, jar = http.build_request("GET", "http://localhost/"), http.cookies
    raw, as_dict = request.headers.raw, {"cookies": start.cookies, "token": login.token}
    print("printed", login.token)
    logging.getLogger("test").warning("logged %s", access.access_token)
    unnamed = [plexdev_node.registration.nsk, device.device_code]
    assert login == other

def test_diff_of_what_has_no_form(plexdev_node):
    note(plexdev_node.registration.nsk)
    assert plexdev_node.registration.nsk == "another"

def test_locals_of_our_frames(plexdev_client, plexdev_project):
    token = plexdev_client.bootstrap_tokens.issue(plexdev_project.id)
    note(token.token)
    NodeAgent.register(plexdev_client, project=plexdev_project, resource_handle=object(), bootstrap_token=token)

def test_sign_in(plexdev_stack, plexdev_login, plexdev_tenants, monkeypatch):
    def cookie(browser, name):
        jar = list(browser._http.cookies.jar)
        note(*(each.value for each in jar))
        return 1 / 0 if len(jar) > 1 else ""

    monkeypatch.setattr(Browser, "cookie", cookie)
    device = plexdev_stack.anonymous.auth.device_code(domain_id=plexdev_tenants["acme-corp"].domain_id)
    plexdev_login.approve(device.verification_uri_complete)

def test_wrong_password(plexdev_login):
    plexdev_login("acme-corp", password=pathlib.Path("../wrong").read_text())

def test_credentials_without_their_names(plexdev_stack, plexdev_login):
    pw, word = (urlsplit(url).password for url in (plexdev_stack.database_url, plexdev_stack.nats_url))
    opaque = secrets.token_hex(20)
    somebody = plexdev_stack.anonymous.as_principal(opaque)
    note(pw, word, opaque)
    known_to_everybody = "plexsphere password test-key"
    print("out", pw, word)
    print("err", pw, known_to_everybody, file=sys.stderr)
    logging.getLogger("test").warning("%s %s %s", pw, word, opaque)
    with plexdev_stack.info.services[0].log.open("a") as log:
        # What is cut to show the end of a log is cut through no secret.
        log.write(f"{pw}\\n" * 1000)
    both = [pw, {"x": word}]
    assert pw == word
"""


def test_no_secret_of_a_run_is_in_what_it_shows_and_keeps(project: pytest.Pytester) -> None:
    (project.path.parent / "wrong").write_text("a-password-of-nobody-7")
    project.makepyfile(test_secrets=SHOWS_SECRETS)
    arguments = ["-l", "-vv", "-rA", "--log-level=DEBUG", "--junitxml=junit.xml", "--plexdev-report=report.html"]
    result = project.runpytest_subprocess("-p", "no:randomly", "-k", "secrets", *arguments)

    result.assert_outcomes(failed=6)
    secrets = {*(project.path.parent / "noted").read_text().split(), "a-password-of-nobody-7"}
    assert len(secrets) >= 18
    kept = [project.path / "junit.xml", project.path / "report.html", *project.path.glob(".plexdev/*/*.txt")]
    shown = {str(path): path.read_text() for path in kept}
    shown["the terminal"] = f"{result.stdout}{result.stderr}"
    assert len(shown) > 10
    assert [(name, secret) for name, text in shown.items() for secret in secrets if secret[-12:] in text] == []
    assert [name for name, text in shown.items() if re.search(r"//\w+:(?!\*\*\*)\S+@|password += '(?!\*)", text)] == []
    # What a reader needs is there; and the words that every runbook has.
    result.stdout.fnmatch_lines(["pw *= '[*][*][*]'", "word *= '[*][*][*]'"])
    result.stdout.fnmatch_lines(["err [*][*][*] plexsphere password test-key"])
    result.stdout.fnmatch_lines(["E *token: 'psk_[*][*][*]????' != 'psk_[*][*][*]????'"])
    result.stdout.fnmatch_lines(["transport *= Transport('http://localhost:*', as psk_[*][*][*])"])


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def processes_of(directory: Path) -> list[str]:
    """The command lines of processes that have *directory* in them or in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_text(), (process / "environ").read_bytes()
        except OSError:
            continue
        # An orphaned worker of xdist takes execnet ten seconds to end; it is none of the stack's.
        is_worker = "exec(eval(" in command
        if not is_worker and (str(directory) in command or bytes(directory) in environment):
            found.append(command)
    return found
