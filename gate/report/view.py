"""What several reports ask of a record. Counting and looking up only: the verdicts come from the record's decision."""

from __future__ import annotations

from typing import Any

from gate.decide.verdict import SECURITY_SUITES
from gate.model import Control, Decision, LedgerLine, Outcome, Result, RunRecord, Verdict

INTERRUPTED = 130
FINE = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
NOT_RUN = "the plan names it, and the journal holds no outcome"


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
