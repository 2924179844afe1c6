"""The engine of a run: sends the probes of a phase, keeps what was seen, hands results on. It never judges."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import date
from typing import Any, Protocol

from gate import __version__
from gate.decide.rollback import Sample, evaluate
from gate.decide.verdict import Policy
from gate.decide.waivers import judge, waived
from gate.model import THROTTLED, Control, Inconclusive, LedgerLine, Observation, Outcome, Phase, Probe, Result, Safety, Trigger, Waiver
from gate.plugin.cases import Case
from gate.plugin.drills import Drills
from gate.plugin.outcome import Trial
from gate.plugin.requests import Target
from gate.probe.client import BudgetSettings, Client, ClientSettings
from gate.redact import Redactor
from gate.target.settings import Settings


class Recorder(Protocol):
    """Where a run's events go: the journal, or nowhere under plain pytest."""

    def append(self, event: str, data: dict[str, Any]) -> int:
        """Keep one event durably before returning."""
        ...


class Silent:
    """No journal: plain pytest."""

    def append(self, event: str, data: dict[str, Any]) -> int:  # noqa: ARG002 - the Recorder's signature
        """Keep nothing."""
        return 0


class Engine:
    """One run against one target.

    Args:
        settings: tokens, base URL, limits.
        policy: what blocks; the rollback triggers need it.
        run_id: names the run in every request id.
        recorder: keeps plan, observations, facts and outcomes.
        redactor: knows the secrets; what suites derive from a token must be added to it.
        progress: told of each phase and result; takes (kind, text).
    """

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        run_id: str,
        recorder: Recorder,
        redactor: Redactor,
        progress: Callable[[str, str], None] = lambda _kind, _text: None,
    ) -> None:
        self.settings, self.policy, self.recorder, self.redactor, self.progress = settings, policy, recorder, redactor, progress
        self.target = Target(settings, run_id, redactor)
        self.client = Client(_client_settings(settings, run_id), self._observed)
        self.drills = Drills({"run": self, "t": self.target}, self.client.cancel)
        self.cases: list[tuple[Case, Any]] = []
        self.planned: Sequence[Control] = ()  # also what was deselected or did not load
        self.waivers: Sequence[Waiver] = ()
        self.day: date | None = None  # on which the run began: waivers hold on some days only
        self.results: dict[str, Result] = {}
        self.facts: dict[str, Any] = {}
        self.samples: list[Sample] = []
        self._seen: list[Observation] = []
        self.stop_reason: str | None = None
        self.unreachable = False
        self.phase = Phase.PREFLIGHT
        self._entered: set[Phase] = set()
        self._store: dict[tuple[object, ...], Observation] = {}
        self.loader: Callable[[], Any] = _no_loader  # sends the load that was asked for; the command sets it
        self._loaded: Any = None

    def _observed(self, seen: Observation) -> None:
        """Called by the client's workers for every attempt, before that worker's next request."""
        self.recorder.append("observation", asdict(ledger_line(seen, self.phase)))
        self._seen.append(seen)
        if seen.response is not None and seen.response.status == THROTTLED and seen.probe.safety is not Safety.BURST:
            self.progress("throttled", seen.probe.target.partition("?")[0])

    @property
    def observations(self) -> list[Observation]:
        """All that was seen so far: not in the order of arrival, but in one that two runs share, so that both find the same fault first."""
        return sorted(self._seen, key=lambda seen: (str(seen.probe), seen.number))

    def enter(self, phase: Phase) -> None:
        """Send, once, all probes that the controls of that phase declared, equal ones once; then, in theirs, carry the drills out."""
        if phase in self._entered:
            return
        self._entered.add(phase)
        self.phase = phase
        self.progress("phase", phase.name.lower())
        probes = [probe for case, shape in self.cases if case.control.phase is phase for probe in probes_in(shape)]
        # Where one cannot be written, none is sent here: each control then asks for its own, and only that one's breaks.
        with contextlib.suppress(ValueError):
            self.send_all(list({key_of(probe): probe for probe in probes}.values()))
        if phase is Phase.DRILLS:
            self.drills.carry_out()

    def send_all(self, probes: Sequence[Probe]) -> list[Observation]:
        """Send concurrently what was not sent before; the answers in the order given."""
        missing = [probe for probe in probes if key_of(probe) not in self._store]
        for probe, seen in zip(missing, self.client.send_all(missing), strict=True):
            self._store[key_of(probe)] = seen
        return [self._store[key_of(probe)] for probe in probes]

    def send(self, probe: Probe) -> Observation:
        """Send one probe now. A drill's or burst's call is sent each time; any other is answered from what was seen before, if it was."""
        if probe.safety.rank >= Safety.DRILL.rank or probe.fresh:
            return self.client.send(probe)
        return self.send_all([probe])[0]

    def send_around(self, outer: Probe, inner: Probe) -> tuple[Observation, Observation]:
        """Send a drill's call, and another one while half of its body is on its way (`Client.send_around`)."""
        return self.client.send_around(outer, inner)

    def send_each(self, probes: Sequence[Probe]) -> list[Observation]:
        """Send all of these now, side by side, whatever was seen before; the answers in the order given. Writes still go one at a time."""
        return self.client.send_all(probes, merged=False)

    def load(self) -> Any:
        """What came of the load that was asked for: sent when it is first asked for, once. Raises what was raised then."""
        if self._loaded is None:
            try:
                self._loaded = self.loader()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again by each control that judges the load
                self._loaded = error
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded

    def writing(self) -> AbstractContextManager[object]:
        """`with run.writing()`: nobody else writes until it is left; in it write with `send`, one at a time.

        For writes that belong together, and for what goes on in the service after its call is answered.
        """
        return self.client.turn

    def burst(self, probe: Probe, count: int) -> list[Observation]:
        """Send one probe many times, as concurrently as the run allows."""
        return self.client.send_all([replace(probe, note=f"{probe.note} {number}".strip()) for number in range(1, count + 1)])

    def show(self, trial: Trial, shape: Any) -> Any:
        """The shape with each probe replaced by its observation, noted in the trial."""
        if isinstance(shape, Probe):
            seen = replace(self.send_all([shape])[0], looked=[])
            trial.shown.append(seen)
            return seen
        if isinstance(shape, dict):
            return {key: self.show(trial, value) for key, value in shape.items()}
        return [self.show(trial, value) for value in shape]

    def fact(self, name: str, value: Any) -> None:
        """Record a named measurement for the reports."""
        self.facts[name] = value
        self.recorder.append("fact", {"name": name, "value": value})

    def triggers(self) -> tuple[Trigger, ...]:
        """The rollback triggers, from what is known now. The rollback suite's own controls do not judge themselves."""
        profile = self.settings.profile
        rules = profile.data.get("rollback", {"sustained": 2, "actions": ["Revert to the previous stable release"]})
        planned = self.planned or [case.control for case, _ in self.cases]
        controls = [control for control in planned if control.suite != "rollback"]
        return evaluate(
            controls,
            self.results,
            self.policy,
            self.samples,
            sustained=rules["sustained"],
            actions=rules["actions"],
            not_applicable=tuple(profile.not_applicable_criteria),
            waived=waived(judge(self.waivers, controls, self.results, self.day)) if self.day else (),
            stopped=self.stop_reason is not None,
        )

    def settle(self, result: Result) -> None:
        """Take a control's result; the first one counts. A preflight control that did not pass stops the run."""
        self.results[result.control] = result
        self.recorder.append("outcome", asdict(result))
        self.progress("result", f"{result.control} {result.outcome}")
        control = next(case.control for case, _ in self.cases if case.control.id == result.control)
        if control.phase is Phase.PREFLIGHT and result.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE) and self.stop_reason is None:
            self.stop_reason = f"preflight: {control.title}: {result.reason}"
            # Where the target could not even be measured, what else it answers says nothing about it.
            self.unreachable = result.outcome is not Outcome.FAILED


def _no_loader() -> Any:
    raise Inconclusive("load is sent by `gate run --with-load NAME` only")


def _client_settings(settings: Settings, run_id: str) -> ClientSettings:
    limit = settings.profile.data.get("rate_limit")
    budget = None
    if limit and settings.rate_limit_enabled:
        budget = BudgetSettings(
            requests=settings.rate_limit_requests,
            window_seconds=settings.rate_limit_window_seconds,
            scope=limit["scope"],
            exempt=tuple(limit.get("exempt", ())),
        )
    return ClientSettings(
        base_url=settings.base_url,
        run_id=run_id,
        user_agent=f"gate/{__version__} (run {run_id})",
        level=settings.level,
        concurrency=settings.concurrency,
        ca_bundle=settings.ca_bundle,
        proxy=settings.proxy,
        **({"budget": budget} if budget else {}),
    )


def key_of(probe: Probe) -> tuple[object, ...]:
    """What makes two probes the same request on the wire."""
    return (probe.method, probe.target, probe.headers, probe.body, probe.fresh, probe.safety)


def probes_in(shape: Any) -> list[Probe]:
    """The probes in a shape of lists and dicts."""
    if isinstance(shape, Probe):
        return [shape]
    items = list(shape.values()) if isinstance(shape, dict) else list(shape or [])
    return [probe for item in items for probe in probes_in(item)]


def ledger_line(seen: Observation, phase: Phase) -> LedgerLine:
    """What the journal keeps of one request."""
    response = seen.response
    return LedgerLine(
        number=seen.number,
        at=seen.started_at,
        request_id=seen.request_id,
        phase=phase.name.lower(),
        method=seen.probe.method,
        target=seen.probe.target,
        identity=seen.probe.identity,
        safety=str(seen.probe.safety),
        note=seen.probe.note,
        status=response.status if response else None,
        failure=f"{seen.failure.kind}: {seen.failure.detail}" if seen.failure else None,
        seconds=round(seen.timing.total, 6),
        first_byte=None if seen.timing.first_byte is None else round(seen.timing.first_byte, 6),
        size=len(response.raw) if response else 0,
        sha256=response.sha256 if response else None,
    )
