"""`release_gate_<ts>.txt`: the report for people, 80 columns wide, verdict first and the three result lines last."""

from __future__ import annotations

from typing import Any

from gate.model import Control, Criterion, CriterionResult, Outcome, Result, RunRecord, Safety
from gate.report import load
from gate.report.clean import columns, folded, line, shown
from gate.report.view import (
    before_and_after,
    fact,
    findings,
    requests_of,
    result_lines,
    result_of,
    seconds,
    verdict_text,
    waiver_of,
    waivers,
)

WIDTH = 80
SHOWN_REQUESTS = 6
NAMED = 12
ORDER = (Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.NOT_RUN, Outcome.PASSED, Outcome.NOT_APPLICABLE)
RECALL = ("endpoint", "batch", "trace_seconds", "limit_seconds", "status")
PACK = ("pack_id", "valid", "missing_files", "mismatches")
SELFTEST = ("found", "file", "finished_at", "passed", "whole", "same_suites", "killed", "survived", "alarm")
RULE = "=" * WIDTH


def render(record: RunRecord) -> str:
    """The whole report."""
    found = findings(record)
    blocking = set(record.decision.blocking) if record.decision else {control.id for control, _ in found}
    sections = [
        _head(record),
        _criteria(record),
        _waivers(record),
        _findings("STANDS IN THE WAY", [pair for pair in found if pair[0].id in blocking], record),
        _findings("REPORTED, DOES NOT BLOCK", [pair for pair in found if pair[0].id not in blocking], record),
        _exempt(record),
        _triggers(record),
        _measured("RECALL DRILL", fact(record, "recall_drill"), RECALL),
        _measured("AUDIT PACK", fact(record, "audit_pack"), PACK),
        load.lines(record.facts.get("load")),
        _measured("SELF-TEST OF THE GATE", fact(record, "selftest"), SELFTEST),
        _ledger(record),
        result_lines(record),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _head(record: RunRecord) -> list[str]:
    lines = [RULE, f"RELEASE GATE: {verdict_text(record)}", RULE]
    if record.decision is None:
        lines += _item("", f"This run was interrupted and proves nothing: {line(record.interruption)}.", 0)
    told = {
        "Target": record.base_url,
        "Environment": record.environment,
        "Profile": record.profile,
        "Policy": record.policy,
        "Waivers": before_and_after(record) or ("not decided" if waivers(record) else "none"),
        "Batch": record.batch_code,
        "Run": record.run_id,
        "Started": seconds(record.started_at),
        "Finished": seconds(record.finished_at),
        "Gate": record.gate_version,
        "Journal": record.head,
    }
    return lines + [text for name, value in told.items() for text in _item(name, line(value), 13)]


def _criteria(record: RunRecord) -> list[str]:
    lines = ["GO / NO-GO CRITERIA (controls passed)"]
    known = {item.criterion: item for item in record.decision.criteria} if record.decision else {}
    for criterion in Criterion:
        mine = [item for item in record.controls if criterion in (Criterion.GATE, item.criterion)]
        outcomes = [result_of(record, item).outcome for item in mine]
        passed, exempt = outcomes.count(Outcome.PASSED), outcomes.count(Outcome.NOT_APPLICABLE)
        told = f"{criterion.wording}: {passed} of {len(mine)} passed{f', {exempt} n/a' if exempt else ''}"
        lines += _item(_decided(known, criterion), told, 15)
    return lines


def _decided(known: dict[Criterion, CriterionResult], criterion: Criterion) -> str:
    if criterion not in known:
        return "not decided"
    verdict = known[criterion].verdict
    return verdict.value if verdict else "not applicable"


def _waivers(record: RunRecord) -> list[str]:
    """Each with who answers for it and until when; those with a problem first, since they block."""
    given = sorted(waivers(record), key=lambda item: item.used)
    lines = [f"WAIVERS: {sum(item.used for item in given)} used, {sum(not item.used for item in given)} not"] if given else []
    for item in given:
        lines += ["", *_item(line(item.waiver.control, 40), line(item.title or "(unknown)", 200), 16)]
        lines += [text for name, value in item.told.items() for text in _item(name, line(value, 600), 16)]
    return lines


def _findings(title: str, pairs: list[tuple[Control, Result]], record: RunRecord) -> list[str]:
    lines = [f"{title}: {len(pairs) or 'nothing'}"]
    idle: dict[str, list[str]] = {}
    for control, result in sorted(pairs, key=_rank):
        if result.outcome is Outcome.NOT_RUN:
            idle.setdefault(result.reason, []).append(control.id)
            continue
        lines += ["", *_item(line(control.id, 40), line(control.title, 200), 16), *_finding(control, result, record)]
    for reason, ids in idle.items():
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        told = f"{', '.join(line(item, 40) for item in ids[:NAMED])}{more}: {line(reason, 300)}"
        lines += ["", *_item(f"not run: {len(ids)}", told, 16)]
    return lines


def _exempt(record: RunRecord) -> list[str]:
    """What this target lacks, or nobody asked for: a reader must not take it for passed."""
    reasons: dict[str, list[str]] = {}
    for control in record.controls:
        if (result := result_of(record, control)).outcome is Outcome.NOT_APPLICABLE:
            reasons.setdefault(result.reason, []).append(control.id)
    lines = [f"NOT APPLICABLE: {sum(map(len, reasons.values()))}"] if reasons else []
    for reason, ids in reasons.items():
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        lines += _item(f"n/a: {len(ids)}", f"{', '.join(line(item, 40) for item in ids[:NAMED])}{more}: {line(reason, 300)}", 16)
    return lines


def _rank(pair: tuple[Control, Result]) -> tuple[bool, int]:
    """Causes before what follows from them: failures first, in the order of the run; what the rollback rules make of them last."""
    control, result = pair
    return control.suite == "rollback", ORDER.index(result.outcome)


def _finding(control: Control, result: Result, record: RunRecord) -> list[str]:
    told = {
        "outcome": f"{result.outcome.value} ({control.severity.value}, {control.basis.value})",
        "waived until": waiver.ends if (waiver := waiver_of(record, control.id)) else "",
        # Both sides say it better, where there are two.
        "reason": "" if result.expected else result.reason,
        "expected": result.expected,
        "seen": result.seen,
        "requests": _requests(record, result),
        "why": control.why,
        "mend": control.mend,
        "see": ", ".join(control.references),
    }
    return [text for name, value in told.items() if value for text in _item(name, line(value, 600), 16)]


def _requests(record: RunRecord, result: Result) -> str:
    cited = requests_of(record, result)
    told = [
        f"#{item.number} {line(item.method, 12)} {line(item.target, 80)} as {line(item.identity or 'nobody', 40)}: "
        f"{item.status if item.status is not None else line(item.failure or 'no answer', 60)}"
        for item in cited[:SHOWN_REQUESTS]
    ]
    more = len(result.requests) - len(told)
    return "; ".join(told + ([f"and {more} more"] if more > 0 else []))


def _triggers(record: RunRecord) -> list[str]:
    lines = ["ROLLBACK TRIGGERS" if record.triggers else "ROLLBACK TRIGGERS: not evaluated"]
    for trigger in record.triggers:
        lines += _item(trigger.state.value, line(trigger.title, 200), 16)
        lines += [text for item in trigger.evidence[:5] for text in _item("", line(item, 200), 16)]
        if trigger.state.value == "fired":
            lines += [text for item in trigger.actions for text in _item("", f"do: {line(item, 200)}", 16)]
    return lines


def _measured(title: str, facts: dict[str, Any], order: tuple[str, ...]) -> list[str]:
    """A drill's measurements, those that everybody looks for first."""
    if not facts:
        return [f"{title}: not recorded"]
    names = [*(name for name in order if name in facts), *(name for name in facts if name not in order)]
    return [title, *(text for name in names for text in _item(line(name, 28), shown(facts[name], 200), 30))]


def _ledger(record: RunRecord) -> list[str]:
    lines = [f"REQUESTS: {len(record.ledger)}"]
    for safety in dict.fromkeys([*(item.value for item in Safety), *(item.safety for item in record.ledger)]):
        mine = [item for item in record.ledger if item.safety == safety]
        if mine:
            lost = sum(item.status is None for item in mine)
            slowest = max(item.seconds for item in mine)
            lines += _item(line(safety, 14), f"{len(mine)} sent, {lost} without an answer, slowest {slowest:.3f} s", 16)
    return lines


def _item(label: str, text: str, width: int) -> list[str]:
    """A label, and beside it the text; a label too wide gets a line of its own."""
    head = [] if columns(label) < width or not label else folded(label, WIDTH)
    first = " " * width if head or not label else label + " " * (width - columns(label))
    body = folded(text, WIDTH - width)
    return [*head, *(f"{first if number == 0 else ' ' * width}{part}".rstrip() for number, part in enumerate(body))]
