"""The pytest plugin. It imports pytest and the standard library only; the rest is imported when a test needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from typing import Any, Literal

import pytest

from pytest_plexdev.options import OPTIONS, OptionError, Settings
from pytest_plexdev.session import base_url, guard, item_checks, other_reports, ran_tests, run
from pytest_plexdev.session.guard import observing

pytest_plugins = ("pytest_plexdev.fixtures", "pytest_plexdev.factory_fixtures", "pytest_plexdev.service_fixtures")

_FAILED = pytest.StashKey[bool]()
_HAS_HEADER = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("plexdev", "plexsphere dev stack (pytest-plexdev)")
    for option in OPTIONS:
        shape: dict[str, Any] = {"metavar": option.metavar}
        if option.switch:
            shape = {"action": "store_const", "const": "1"}
        elif option.many:
            shape |= {"action": "append"}
        group.addoption(option.flag, dest=option.dest, default=None, help=option.full_help, **shape)
        # Always text: the option's own parser names the valid values in its error, pytest's types do not.
        kind: Literal["args", "string"] = "args" if option.many else "string"
        parser.addini(option.ini, f"{option.help} ({option.flag})", type=kind, default=None)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_plexdev import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "golden: one of the nine steps of the golden flow")
    config.addinivalue_line("markers", item_checks.NEEDS_HELP)
    if config.option.help or config.option.version:
        return  # both must work with an invalid configuration
    try:
        settings = run.start_run(config).settings
        _refuse_unknown_images(settings)
    except OptionError as error:
        raise pytest.UsageError(str(error)) from None
    other_reports.register(config)
    base_url.register(config)
    ran_tests.register(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    lines: list[str] = []
    with observing(config, "the header of plexdev"):
        from pytest_plexdev.session import report

        warnings = (guard.warning(line) for line in report.unknown_variables(os.environ))
        lines += [report.header(run.get_run(config).settings), *warnings]
    config.stash[_HAS_HEADER] = True
    return lines


@pytest.hookimpl(trylast=True)  # after the terminal reporter's, which prints the header
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    this = run.find_run(config)
    if config.stash.get(_HAS_HEADER, False) or this is None or not this.is_controller:
        return
    with observing(config, "a warning about variables of plexdev"):
        from pytest_plexdev.session import report

        guard.add_lines(config, [*report.unknown_variables(os.environ)])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    from pytest_plexdev.session import terminal_width

    node.workerinput[run.WORKER_INPUT] = run.get_run(node.config).worker_input()
    node.workerinput[terminal_width.WORKER_INPUT] = terminal_width.columns_of(node.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    with observing(node.config, "the results of a worker"):
        run.get_run(node.config).hold_if_made()
        guard.add_lines(node.config, getattr(node, "workeroutput", {}).get(guard.WORKER_OUTPUT, ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    # After deselection. Every worker of a distributed run collects the same tests.
    this = run.find_run(session.config)
    if this is not None and (marked := [item for item in session.items if item_checks.has_needs(item)]):
        from pytest_plexdev.session import needs

        this.profile = needs.profile_for(marked)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if (this := run.find_run(item.config)) is not None:
        item_checks.before_fixtures(item, this)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    # Not in a wrapper of the setup: if that raises, the setup hooks of other plugins do not run.
    if (this := run.find_run(item.config)) is not None:
        item_checks.after_fixtures(item, this)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    this = run.find_run(item.config)
    logs: Mapping[str, bytes] = {}
    if this is not None and call.excinfo is not None and item_checks.stacks_of(item, this):
        from pytest_plexdev.session import log_copies

        # Before pytest renders the error, which must name the copies.
        with observing(item.config, f"a copy of the logs that {item.nodeid} names"):
            logs = log_copies.keep_logs(call.excinfo.value, item, this)
    report = yield
    if this is not None:
        with observing(item.config, f"the short form of the failure of {item.nodeid}"):
            # If the module is not imported, no such error was raised; most runs never import it.
            if call.excinfo is not None and "pytest_plexdev.errors" in sys.modules:
                from pytest_plexdev.session import expected_failure

                expected_failure.shorten(report, call.excinfo, item, this, in_test=call.when == "call")
        with observing(item.config, f"the evidence of {item.nodeid}"):
            _keep_evidence(report, call, item, this, logs)
        with observing(item.config, f"the masking of secrets in the report of {item.nodeid}"):
            _mask_secrets(report, item, this)
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    # Without the module there is no object that it can explain.
    if "pytest_plexdev.api" in sys.modules:
        with observing(config, "the explanation of a comparison"):
            from pytest_plexdev.session import comparisons

            return comparisons.explain(op, left, right)
    return None


@pytest.hookimpl(tryfirst=True)  # before pytest's JUnit file is written
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    this = run.find_run(config)
    if this is None:
        return
    # Set here because session.testsfailed of a controller includes the failures of its workers.
    this.failed = session.testsfailed > 0
    if not this.is_controller:
        getattr(config, "workeroutput", {})[guard.WORKER_OUTPUT] = guard.pop_lines(config)
        return
    with observing(config, "the properties in JUnit's file"):
        if (info := this.what_ran()) is not None:
            from pytest_plexdev.session import report

            report.add_junit_properties(config, info)
    with observing(config, "the events and the report of the run"):
        ran_tests.write_results(config, this, exit_code=int(exitstatus))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode, config: pytest.Config
) -> None:
    with observing(config, "the summary of plexdev"):
        this = run.find_run(config)
        info = this.what_ran() if this is not None else None
        if this is not None and info is not None:
            from pytest_plexdev.session import report

            passed = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
            page = config.stash.get(ran_tests.REPORT, None)
            report.write_summary(terminalreporter, this, info, passed=passed, page=page)
        elif this is not None and this.settings.report is not None and ran_tests.REPORT in config.stash:
            terminalreporter.line(f"plexdev: report: {config.stash[ran_tests.REPORT]}")
    for line in guard.summary(config):
        terminalreporter.line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    this = run.find_run(config)
    if this is not None:
        with observing(config, "the end of the stack"):
            this.end()
    guard.print_rest(config)


def _refuse_unknown_images(settings: Settings) -> None:
    if settings.images:
        from pytest_plexdev.stack import providers

        providers.check(settings)


def _keep_evidence(
    report: pytest.TestReport,
    call: pytest.CallInfo[None],
    item: pytest.Item,
    this: run.Run,
    logs: Mapping[str, bytes],
) -> None:
    """Write the evidence of a failed test. Once a test has passed all phases, remove that of an earlier run."""
    if call.when == "setup":
        item.stash[_FAILED] = False
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or not report.passed
    if report.failed and (stacks := item_checks.stacks_of(item, this)):
        from pytest_plexdev.session import evidence

        began = item.stash.get(item_checks.BEGAN, None) or run.Moment(call.start, {})
        phases = item_checks.phases_of(item, phase=call.when, began=call.start)
        evidence.attach(report, item, this, stacks, since=began, phases=phases, logs=logs)
    elif logs or (call.when == "teardown" and not item.stash[_FAILED]):
        this.remove_evidence(item.nodeid)
    item_checks.end_phase(item, call.when, passed=report.passed)


def _mask_secrets(report: pytest.TestReport, item: pytest.Item, this: run.Run) -> None:
    # Reports of tests without a stack are not changed. A passed test may have captured output.
    if not (report.longrepr or report.sections):
        return
    stacks = item_checks.stacks_requested(item, this)
    secrets = item_checks.secrets_of(item, this, stacks)
    if stacks or secrets:
        from pytest_plexdev.session.masked_report import mask_report

        mask_report(report, secrets)
