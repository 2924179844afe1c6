"""`security_regression_<ts>.txt`: the security suite's controls, one a line."""

from __future__ import annotations

from gate.model import Control, Outcome, RunRecord
from gate.report.clean import folded, line
from gate.report.view import before_and_after, result_lines, result_of, seconds, security_controls, waiver_of, waivers

WIDTH = 80
INDENT = " " * 16


def render(record: RunRecord) -> str:
    """The report; its last line is the result line."""
    controls = security_controls(record)
    lines = ["SECURITY REGRESSION", "", *_head(record), ""]
    for control in controls:
        lines += _control(record, control)
    lines += ["", *_waivers(record), _counts(record, controls), result_lines(record)[0]]
    return "\n".join(lines) + "\n"


def _head(record: RunRecord) -> list[str]:
    told = {"Target": record.base_url, "Run": record.run_id, "Policy": record.policy, "Started": seconds(record.started_at)}
    told |= {"Waivers": change} if (change := before_and_after(record)) else {}
    told["Finished"] = seconds(record.finished_at) if record.decision else f"never: {record.interruption}"
    return [text for name, value in told.items() for text in _hanging(f"{name:<10}", line(value))]


def _control(record: RunRecord, control: Control) -> list[str]:
    result = result_of(record, control)
    lines = _hanging(f"{result.outcome.value:<16}", f"{line(control.id, 40)}  {line(control.title, 160)}")
    if result.outcome is Outcome.PASSED:
        return lines
    waiver = waiver_of(record, control.id)
    told = [result.reason, *([f"waived until {waiver.ends}"] if waiver else [])]
    return lines + [INDENT + text for part in told for text in folded(line(part), WIDTH - len(INDENT))]


def _waivers(record: RunRecord) -> list[str]:
    """All of the run's waivers, also those of other suites: each with who answers for it, or with the problem by which it blocks."""
    lines = []
    for item in waivers(record):
        said = f"{item.waiver.control} until {item.ends}, approved by {item.waiver.approver} ({item.waiver.ticket}): {item.waiver.reason}"
        word = "WAIVED" if item.used else "BLOCKS" if item.problem else "not decided"
        lines += _hanging(f"{word:<16}", line(f"{item.waiver.control}: {item.problem}" if item.problem else said, 800))
    return [*lines, ""] if lines else []


def _counts(record: RunRecord, controls: list[Control]) -> str:
    outcomes = [result_of(record, control).outcome for control in controls]
    told = [f"{outcomes.count(outcome)} {outcome.value}" for outcome in Outcome if outcome in outcomes]
    return f"{len(controls)} controls: {', '.join(told) or 'nothing was planned'}"


def _hanging(label: str, text: str) -> list[str]:
    first, *rest = folded(text, WIDTH - len(label))
    return [f"{label}{first}".rstrip(), *(f"{' ' * len(label)}{more}" for more in rest)]
