# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test outside C gets. In CI (the variable CI) a skipped test is a failed one."""
import os

import pytest

from program import Berth


@pytest.fixture
def berth(tmp_path):
    """berth with everything of its own below tmp_path."""
    return Berth(tmp_path)


def pytest_collection_modifyitems(items):
    """What takes longest begins first, so that no worker is left alone with it at the end: a module
    that takes minutes says how many (MINUTES). It stays whole, a worker takes one as a whole."""
    items.sort(key=lambda item: -getattr(item.module, "MINUTES", 0))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped, which CI does not allow: {call.excinfo.value}"


class Tally:
    """Counts tests for scripts/run-tests; an error in setup or teardown is a failed test."""

    def __init__(self):
        self.passed, self.failed = set(), set()

    def pytest_runtest_logreport(self, report):
        if report.failed or (report.skipped and os.environ.get("CI")):
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self):
        with open(os.environ["BERTH_TALLY"], "a", encoding="ascii") as tally:
            tally.write(f"{len(self.passed - self.failed)} {len(self.failed)}\n")


def pytest_configure(config):
    if "BERTH_TALLY" in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally())
