"""The pytest plugin (entry point `gate`). It does nothing in a test session that has no suites of gate in it.

`suites/conftest.py` activates it: by itself under plain pytest (settings from the environment), with an engine that is already made
under `gate run`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gate.plugin.session import Session

SESSION = pytest.StashKey["Session"]()


def activate(config: pytest.Config) -> None:
    """Make the engine for this pytest session, unless `gate run` has made one; pytest.UsageError (status 4) where settings are missing."""
    if not config.pluginmanager.has_plugin("gate") and not config.pluginmanager.has_plugin("gate.plugin"):
        config.pluginmanager.import_plugin("gate.plugin")
    if SESSION in config.stash:
        return
    from gate.errors import GateError
    from gate.plugin.session import plain_session

    try:
        config.stash[SESSION] = plain_session()
    except GateError as error:
        raise pytest.UsageError(f"gate: {error.sentence}") from None


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> list[pytest.Item] | None:
    """Make one pytest item for each control that a declared function stands for."""
    session = collector.config.stash.get(SESSION, None)
    if session is None or not hasattr(obj, "__gate_control__"):
        return None
    return session.items(collector, name, obj)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Take in what does not load: its controls would be missing."""
    report = yield
    session = collector.config.stash.get(SESSION, None)
    if session is not None and report.failed:
        session.unloadable(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Order the controls by phase and let them build their probes, before and after anybody else could deselect some."""
    session = config.stash.get(SESSION, None)
    if session is not None:
        session.collected(items)
    yield
    if session is not None:
        session.selected(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is not applicable, and everything once the run is stopped."""
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.before(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take in how each stage of a control's test ended; redact what pytest's own reports will print."""
    error = call.excinfo.value if call.excinfo is not None else None  # as it was raised, before any other plugin makes a report of it
    report = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.stage(item, error, report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Settle a control's result when all stages of its test are over."""
    outcome = yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.after(item)
    return outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Close the client's connections."""
    own = session.config.stash.get(SESSION, None)
    if own is not None:
        own.finish()


def _own(request: pytest.FixtureRequest) -> Session:
    return request.config.stash[SESSION]


@pytest.fixture
def observed(request: pytest.FixtureRequest) -> Any:
    """What the control's declared probes saw, in the shape in which they were declared."""
    return _own(request).observed(request.node)


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Any:
    """The profile's endpoint that the control is about."""
    return request.node.gate_case.endpoint


@pytest.fixture(scope="session")
def t(request: pytest.FixtureRequest) -> Any:
    """The target: builds probes, knows profile and settings (`gate.plugin.requests.Target`)."""
    return _own(request).engine.target


@pytest.fixture
def send(request: pytest.FixtureRequest) -> Any:
    """`send(probe)`: send one probe now and count it as measured by this control."""
    return _own(request).sender(request.node)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Any:
    """`measured(observations)`: count what a drill saw as measured by this control (a number counts measurements that are no requests)."""
    return _own(request).measurer(request.node)


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest) -> Any:
    """The run's engine, for drills: `send`, `fact`, `samples`, `observations`, `results`."""
    return _own(request).engine
