"""What several reports ask of a record. Counting and looking up only: the verdicts come from the record's decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gate.decide.verdict import SECURITY_SUITES
from gate.decide.waivers import countdown
from gate.model import Control, Decision, LedgerLine, Outcome, Result, RunRecord, Verdict, Waiver, WaiverState, WaiverStatus

INTERRUPTED = 130
FINE = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
NOT_RUN = "the plan names it, and the journal holds no outcome"

ALARMS = {14: "ends soon", 7: "ENDS WITHIN A WEEK", 1: "ENDS NOW"}


def result_of(record: RunRecord, control: Control) -> Result:
    """The control's result; what the plan names and nobody judged is `not_run`."""
    return record.results.get(control.id) or Result(control.id, Outcome.NOT_RUN, NOT_RUN)


def security_controls(record: RunRecord) -> list[Control]:
    """The controls that decide the security line."""
    return [control for control in record.controls if control.suite in SECURITY_SUITES]


def acceptance_controls(record: RunRecord) -> list[Control]:
    """Every control that is not one of the security suite."""
    return [control for control in record.controls if control.suite != "security"]


def findings(record: RunRecord) -> list[tuple[Control, Result]]:
    """Every control that neither passed nor is without application, in the plan's order."""
    pairs = [(control, result_of(record, control)) for control in record.controls]
    return [(control, result) for control, result in pairs if result.outcome not in FINE]


def word(verdict: Verdict | None) -> str:
    """PASS, FAIL or INCONCLUSIVE; a run without a verdict is inconclusive."""
    return (verdict or Verdict.INCONCLUSIVE).line


def parts(decision: Decision | None) -> tuple[str, str, str]:
    """The words of the three result lines: security, acceptance, gate."""
    if decision is None:
        return (word(None),) * 3
    return word(decision.security), word(decision.acceptance), word(decision.verdict)


def result_lines(record: RunRecord) -> list[str]:
    """The three lines that CI pipelines read, in their order."""
    security, acceptance, whole = parts(record.decision)
    return [f"Security regression: {security}", f"Go-live acceptance: {acceptance}", f"Release gate: {whole}"]


def verdict_text(record: RunRecord) -> str:
    """GO, NO-GO or INCONCLUSIVE; `none` for an interrupted run."""
    return record.decision.verdict.value if record.decision else "none (interrupted)"


def exit_status(record: RunRecord) -> int:
    """What the run's process ended with."""
    return record.decision.verdict.exit_status if record.decision else INTERRUPTED


def requests_of(record: RunRecord, result: Result) -> list[LedgerLine]:
    """The ledger lines that a result cites, in its order."""
    known = {line.number: line for line in record.ledger}
    return [known[number] for number in result.requests if number in known]


def fact(record: RunRecord, name: str) -> dict[str, Any]:
    """A named measurement that is an object; empty if it was not recorded or is something else."""
    value = record.facts.get(name)
    return value if isinstance(value, dict) else {}


def seconds(moment: str | None) -> str:
    """A UTC time without its milliseconds, as the checklist writes it; `not recorded` if there is none."""
    return f"{moment[:19]}Z" if moment else "not recorded"


@dataclass(frozen=True, slots=True)
class WaiverLine:
    """A waiver as a reader needs it: what it says, what became of it (None: the run has no verdict), and the title of its control."""

    waiver: Waiver
    state: WaiverState | None
    title: str

    @property
    def used(self) -> bool:
        """Whether it covers a failure of this run."""
        return self.state is not None and self.state.state is WaiverStatus.USED

    @property
    def problem(self) -> str:
        """Why it blocks, in one sentence; empty where it does not."""
        return self.state.problem if self.state else ""

    @property
    def alarm(self) -> int | None:
        """14, 7 or 1 where a used waiver has no more days left than that; None before."""
        return countdown(self.state.days_left) if self.state and self.used else None

    @property
    def ends(self) -> str:
        """Its last day, and how far away that is, the more urgent the nearer: `2026-03-01 (5 days left, ENDS WITHIN A WEEK)`."""
        if self.state is None:
            return self.waiver.until
        left = self.state.days_left
        told = f"{-left} days ago" if left < -1 else {-1: "yesterday", 0: "today", 1: "1 day left"}.get(left, f"{left} days left")
        return f"{self.waiver.until} ({told}{f', {ALARMS[self.alarm]}' if self.alarm else ''})"

    @property
    def told(self) -> dict[str, str]:
        """All of it, by name, in the order of reading."""
        state, waiver = self.state, self.waiver
        return {
            "state": ("used" if self.used else f"{state.state.value.replace('_', ' ')}: {state.problem}") if state else "not decided",
            "finding": waiver.fingerprint,
            "reason": waiver.reason,
            "risk": waiver.risk,
            "requested by": waiver.requester,
            "approved by": waiver.approver,
            "ticket": waiver.ticket,
            "from": waiver.since,
            "until": self.ends,
        }


def waivers(record: RunRecord) -> list[WaiverLine]:
    """Every waiver that was given to the run, in the order of the file."""
    given = record.terms.waivers if record.terms else ()
    states = record.decision.waivers if record.decision else ()
    titles = {control.id: control.title for control in record.controls}
    known = [*states, *[None] * (len(given) - len(states))]
    return [WaiverLine(item, state, titles.get(item.control, "")) for item, state in zip(given, known, strict=False)]


def waiver_of(record: RunRecord, control: str) -> WaiverLine | None:
    """The waiver that covers this control's failure."""
    if record.decision is None or control not in record.decision.waived:
        return None
    return next((item for item in waivers(record) if item.used and item.waiver.control == control), None)


def waiver_problems(record: RunRecord) -> list[str]:
    """What is wrong with waivers, one sentence each; every one blocks."""
    return [f"the waiver of {item.waiver.control}: {item.problem}" for item in waivers(record) if item.problem]


def before_and_after(record: RunRecord) -> str:
    """What waivers make of the verdict: `NO-GO before waivers, GO with them`; empty where none were given or nothing was decided."""
    if record.decision is None or not waivers(record):
        return ""
    return f"{record.decision.before_waivers} before waivers, {record.decision.verdict} with them"


def in_the_way(record: RunRecord) -> list[str]:
    """What keeps the run from GO: controls, and waivers with a problem."""
    return [*(record.decision.blocking if record.decision else ()), *waiver_problems(record)]
