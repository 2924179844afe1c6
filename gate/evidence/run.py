"""The events of one run, folded into a `RunRecord`; what may not follow what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from gate.evidence.decode import Mismatch, build
from gate.model import Control, Decision, LedgerLine, Outcome, Result, RunRecord, Terms, Trigger

ABOUT_RUN = ("run_id", "bundle", "out_dir", "gate_version", "operator")
ABOUT_TARGET = ("environment", "base_url", "profile", "policy", "batch_code")
ABOUT_RELEASE = ("release_sha", "release_tag", "artifact", "commit_author")
STARTED = (*ABOUT_RUN, *ABOUT_TARGET, *ABOUT_RELEASE)  # all of them text, empty where unknown
BUNDLE = re.compile(r"[0-9]{8}T[0-9]{6}Z")  # it names files, so a forged one must not reach a path
PLAN = ("controls", "not_applicable", "terms")
UNFINISHED = "the journal ends without a verdict: the run was killed, or is still going on"


@dataclass
class Run:
    """What the events so far amount to. Facts may be told again (the last one counts), everything else once."""

    started: dict[str, str] = field(default_factory=dict)
    events: int = 0
    controls: tuple[Control, ...] | None = None
    known: set[str] = field(default_factory=set)
    terms: Terms | None = None
    not_applicable: dict[str, str] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    ledger: dict[int, LedgerLine] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] | None = None
    decision: Decision | None = None
    finished: str = ""
    interruption: str = ""

    def take(self, event: str, at: str, data: dict[str, Any]) -> None:
        """One event, in the order of the journal.

        Raises:
            Mismatch: it is unknown, malformed or out of place.
        """
        self._refuse_out_of_place(event)
        self.events += 1
        match event:
            case "run.started":
                self._started(at, data)
            case "plan":
                self._plan(data)
            case "observation":
                self._observation(data)
            case "fact":
                self._fact(data)
            case "outcome":
                self._outcome(data)
            case "triggers":
                self._triggers(data)
            case "run.interrupted":
                self._interrupted(data)
            case "verdict":
                self._verdict(at, data)
            case _:
                raise Mismatch(f"unknown event {event!r:.60}")

    def _refuse_out_of_place(self, event: str) -> None:
        if self.finished:
            raise Mismatch(f"{event!r:.60} follows the verdict, which must be the last event")
        if bool(self.started) == (event == "run.started"):
            raise Mismatch("run.started must be the first event, and the only one of its kind")
        if self.controls is None and event in ("outcome", "verdict", "triggers"):
            raise Mismatch(f"{event} comes before the plan")

    def record(self, head: str, torn: str) -> RunRecord:
        """The whole of it; `torn` says how the file ends if not with a whole line."""
        interruption = None if self.finished else "; ".join(filter(None, (self.interruption, torn))) or UNFINISHED
        return RunRecord(
            **{name: self.started[name] for name in STARTED},
            started_at=self.started["at"],
            controls=self.controls or (),
            results=self._results(),
            ledger=tuple(self.ledger[number] for number in sorted(self.ledger)),
            facts=self.facts,
            triggers=self.triggers or (),
            decision=self.decision,
            finished_at=self.finished or None,
            interruption=interruption,
            head=head,
            events=self.events,
            terms=self.terms,
        )

    def _results(self) -> dict[str, Result]:
        """In the plan's order, so that threads finishing in another order change no report."""
        planned = {control.id: None for control in self.controls or ()} | dict.fromkeys(self.not_applicable)
        known = {name: Result(name, Outcome.NOT_APPLICABLE, reason) for name, reason in self.not_applicable.items()} | self.results
        return {name: known[name] for name in planned if name in known}

    def _started(self, at: str, data: dict[str, Any]) -> None:
        _exactly(data, STARTED)
        for name in STARTED:
            if not isinstance(data[name], str):
                raise Mismatch(f"{name} must be text")
        if not BUNDLE.fullmatch(data["bundle"]):
            raise Mismatch("bundle must be the run's time stamp")
        self.started = {**data, "at": at}

    def _plan(self, data: dict[str, Any]) -> None:
        _exactly(data, PLAN)
        if self.controls is not None:
            raise Mismatch("a second plan")
        self.controls = tuple(build(Control, item) for item in _list(data, "controls"))
        self.known = {control.id for control in self.controls}
        if len(self.known) != len(self.controls):
            raise Mismatch("a control stands twice in the plan")
        self.not_applicable = _reasons(data["not_applicable"])
        self.terms = build(Terms, data["terms"])

    def _observation(self, data: dict[str, Any]) -> None:
        line = build(LedgerLine, data)
        if line.number in self.ledger:
            raise Mismatch(f"request {line.number} stands twice in the ledger")
        self.ledger[line.number] = line

    def _fact(self, data: dict[str, Any]) -> None:
        _exactly(data, ("name", "value"))
        if not isinstance(data["name"], str):
            raise Mismatch("a fact's name must be text")
        self.facts[data["name"]] = data["value"]

    def _outcome(self, data: dict[str, Any]) -> None:
        result = build(Result, data)
        name = result.control
        if name in self.results:
            raise Mismatch(f"a second outcome for {name!r:.60}")
        if name in self.not_applicable and result.outcome is not Outcome.NOT_APPLICABLE:
            raise Mismatch(f"an outcome for {name!r:.60}, which the plan calls not applicable")
        if name not in self.not_applicable and name not in self.known:
            raise Mismatch(f"an outcome for {name!r:.60}, which is not in the plan")
        self.results[name] = result

    def _triggers(self, data: dict[str, Any]) -> None:
        _exactly(data, ("triggers",))
        if self.triggers is not None:
            raise Mismatch("the triggers stand there twice")
        self.triggers = tuple(build(Trigger, item) for item in _list(data, "triggers"))

    def _interrupted(self, data: dict[str, Any]) -> None:
        _exactly(data, ("reason",))
        if not isinstance(data["reason"], str) or not data["reason"]:
            raise Mismatch("an interruption needs its reason")
        self.interruption = self.interruption or data["reason"]

    def _verdict(self, at: str, data: dict[str, Any]) -> None:
        if self.interruption:
            raise Mismatch("a verdict on an interrupted run")
        fields = dict(data)
        status = fields.pop("exit_status", None)
        self.decision = build(Decision, fields)
        if status != self.decision.verdict.exit_status or type(status) is not int:
            raise Mismatch(f"exit status {status!r:.40} does not belong to {self.decision.verdict.value}")
        self.finished = at


def _exactly(data: dict[str, Any], names: tuple[str, ...]) -> None:
    if set(data) != set(names):
        raise Mismatch(f"the fields must be exactly {', '.join(names)}")


def _list(data: dict[str, Any], name: str) -> list[object]:
    value = data[name]
    if not isinstance(value, list):
        raise Mismatch(f"{name} must be a list")
    return value


def _reasons(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(reason, str) and reason for reason in value.values()):
        raise Mismatch("not_applicable must give a reason for each control")
    return value
