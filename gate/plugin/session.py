"""One pytest session with suites of gate in it: makes items of controls, runs the phases, settles results."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from gate.errors import ConfigurationError, GateError
from gate.model import Lacking, Observation, Outcome, Phase, Probe, Result
from gate.paths import data_root
from gate.plugin.cases import Case, declared_ids, expand
from gate.plugin.drills import DRILL
from gate.plugin.engine import Engine, Silent
from gate.plugin.outcome import Trial
from gate.redact import Redactor
from gate.target.policy import load_policy
from gate.target.settings import load_settings


class Session:
    """Ties an engine to a pytest session.

    `strict` is a run with a verdict: what the sources declare and pytest did not select is not_run. Plain pytest may select.
    """

    def __init__(self, engine: Engine, *, strict: bool) -> None:
        self.engine, self.strict = engine, strict
        self.trials: dict[str, Trial] = {}
        self.fatal: GateError | None = None
        self.on_plan: Callable[[Sequence[Case], dict[str, str]], None] = lambda _cases, _unseen: None

    def items(self, collector: pytest.Collector, name: str, obj: Any) -> list[pytest.Item]:
        """The pytest items of one declared function."""
        source = Path(str(collector.path)).relative_to(data_root()).as_posix()
        made: list[pytest.Item] = []
        for case in expand(obj, source, self.engine.settings):
            item = pytest.Function.from_parent(collector, name=f"{name}[{case.control.id}]", callobj=obj)
            item.gate_case = case  # type: ignore[attr-defined]
            made.append(item)
        return made

    def unloadable(self, report: pytest.CollectReport) -> None:
        """A file of the suites does not load: no run, and the sentence that says why."""
        lines = [line[1:].strip() for line in str(report.longrepr).splitlines() if line.startswith("E ")]
        told = self.engine.redactor.text(lines[-1] if lines else " ".join(str(report.longrepr).split()))
        if self.strict and self.fatal is None:
            self.fatal = GateError(f"{report.nodeid} does not load ({told:.300})", "suites that load", "Reinstall gate, or mend the suite")

    def collected(self, items: list[pytest.Item]) -> None:
        """Fix the plan: before anybody has deselected anything, and before the first request."""
        try:
            declared = declared_ids(data_root(), self.engine.settings.profile) if self.strict else {}
        except GateError as error:
            self._refuse(error)
        found: dict[str, Any] = {}
        for item in (item for item in items if hasattr(item, "gate_case")):
            other = found.setdefault(item.gate_case.control.id, item)
            if other is not item:
                happened = f"one declaration of the control {item.gate_case.control.id} stands for two tests, {other.name} and {item.name}"
                self._refuse(ConfigurationError(happened, "a declaration for each test", "Write @control above each"))
        unseen = {key: source for key, source in declared.items() if key not in found}
        self.on_plan([item.gate_case for item in found.values()], unseen)

    def _refuse(self, error: GateError) -> NoReturn:
        """End the session before anything is sent; a run tells the first reason."""
        self.fatal = self.fatal or error
        raise pytest.UsageError(f"gate: {error.sentence}")

    def selected(self, items: list[pytest.Item]) -> None:
        """Bring what is left in order and let it build its probes. A builder that breaks is kept and breaks its own control only."""
        for item in items:
            if not hasattr(item, "gate_case"):
                self._refuse(ConfigurationError(f"{item.nodeid} is no control", "@control on every test under suites/", "Add it"))
        ordered: list[Any] = list(items)
        ordered.sort(key=lambda item: (item.gate_case.control.phase, item.gate_case.control.source))
        items[:] = ordered
        for item in ordered:
            case: Case = item.gate_case
            shape: Any = []
            if case.shape is not None and case.reason is None:
                try:
                    shape = case.shape(self.engine.target, case.endpoint) if case.endpoint else case.shape(self.engine.target)
                except Lacking as error:
                    item.gate_case = case = replace(case, reason=str(error))
                except Exception as error:  # noqa: BLE001 - whatever it is, it is this control's error
                    item.gate_broken = error
            item.gate_shape = shape
            self.engine.cases.append((case, shape))
            if case.reason is None and case.control.phase is Phase.DRILLS:
                self._bring_drills(item)

    def _bring_drills(self, item: Any) -> None:
        """The drills that a control judges become part of the run."""
        for found in item._fixtureinfo.name2fixturedefs.values():  # noqa: SLF001 - pytest has no public name for an item's fixtures
            drill = getattr(found[-1].func, DRILL, None)
            try:
                if drill is not None:
                    self.engine.drills.add(drill)
            except ValueError as error:
                self._refuse(ConfigurationError(str(error), "a name of its own for each", "Rename one"))

    def before(self, item: Any) -> None:
        """Open the trial, once: whoever runs a test again hides nothing. Skip what cannot run."""
        case: Case = item.gate_case
        self.trials.setdefault(case.control.id, Trial(case.control.id))
        if case.reason is not None:
            pytest.skip(f"not applicable: {case.reason}")
        if self.fatal is not None:
            pytest.skip(self.fatal.sentence)
        if self.engine.stop_reason is not None and (self.engine.unreachable or case.control.phase is not Phase.PREFLIGHT):
            pytest.skip(f"not run after {self.engine.stop_reason}")
        try:
            self.engine.enter(case.control.phase)
        except GateError as error:
            self.fatal = error
            raise
        if hasattr(item, "gate_broken"):
            raise item.gate_broken

    def observed(self, item: Any) -> Any:
        """The declared shape, with observations in it."""
        return self.engine.show(self.trials[item.gate_case.control.id], item.gate_shape)

    def sender(self, item: Any) -> Callable[[Probe], Observation]:
        """Sends a probe on behalf of a control."""
        trial = self.trials[item.gate_case.control.id]

        def send(probe: Probe) -> Observation:
            seen = replace(self.engine.send(probe), looked=[])
            trial.shown.append(seen)
            return seen

        return send

    def measurer(self, item: Any) -> Callable[[Sequence[Observation] | int], None]:
        """Counts a drill's observations, or a number of other measurements, for a control."""
        trial = self.trials[item.gate_case.control.id]

        def measure(what: Sequence[Observation] | int) -> None:
            if isinstance(what, int):
                trial.measured += what
            else:
                trial.shown.extend(what)

        return measure

    def stage(self, item: Any, error: BaseException | None, report: pytest.TestReport) -> None:
        """One stage of a test has ended. A strict xfail that passes leaves no trace but a failed report without an error."""
        if isinstance(error, GateError):
            self.fatal = self.fatal or error
        if item.gate_case.control.id in self.trials:
            xfail = hasattr(report, "wasxfail") or (report.failed and error is None)
            self.trials[item.gate_case.control.id].stage(report.when, error, xfail=xfail)
        if isinstance(report.longrepr, tuple):
            path, line, reason = report.longrepr
            report.longrepr = (Path(path).name, line, self.engine.redactor.text(reason))
        elif report.longrepr is not None:
            report.longrepr = self.engine.redactor.text(str(report.longrepr))
        report.sections = [(name, self.engine.redactor.text(text)) for name, text in report.sections]

    def after(self, item: Any) -> None:
        """All stages are over: settle the control's result."""
        case: Case = item.gate_case
        trial = self.trials.get(case.control.id, Trial(case.control.id))
        result = trial.result()
        if case.reason is not None and result.outcome is Outcome.NOT_RUN:
            result = Result(case.control.id, Outcome.NOT_APPLICABLE, case.reason)
        if self.fatal is None:
            try:
                self.engine.settle(result)
            except GateError as error:
                self.fatal = error

    def finish(self) -> None:
        """Close what is open."""
        self.engine.client.close()


def plain_session() -> Session:
    """The session of plain pytest: settings from the environment, no journal, no verdict."""
    settings = load_settings({})
    run_id = secrets.token_hex(6)
    return Session(Engine(settings, load_policy(settings.policy), run_id, Silent(), Redactor(settings.secrets)), strict=False)
