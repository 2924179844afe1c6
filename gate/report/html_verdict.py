"""The top of the HTML report: may it be shipped, and if not, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from gate.decide.waivers import refusal
from gate.model import Control, Criterion, CriterionResult, Decision, Outcome, RunRecord, Verdict
from gate.report.clean import line
from gate.report.html_findings import Pair, Places, gravest, in_the_way
from gate.report.view import findings, result_of, waiver_problems, waivers

FIRST, NAMED = 6, 12
KINDS = {Verdict.GO: "good", Verdict.NO_GO: "bad", Verdict.INCONCLUSIVE: "open"}
CLEAR = "Clear to ship, once the approvals are there."


def head(record: RunRecord, approvals: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The verdict's word, what it means for whoever has to decide, and the colour it has: good, bad or open."""
    started = f"{line(record.environment, 60)}, {record.started_at[:16]}Z"
    if record.decision is None:
        why = f"The run was interrupted and proves nothing: {line(record.interruption, 300)}"
        return {"word": "INTERRUPTED", "kind": "open", "answer": "No verdict. Do not ship on this run.", "why": why, "title": started}
    obstacle = _obstacle(approvals)
    answer, why = obstacle or _meaning(record, record.decision)
    kind = "bad" if obstacle else KINDS[record.decision.verdict]
    return {"word": record.decision.verdict.value, "kind": kind, "answer": answer, "why": why, "title": started}


def _obstacle(approvals: Sequence[dict[str, Any]]) -> tuple[str, str] | None:
    """A paper that forbids what the verdict would allow."""
    for item in approvals:
        who = f"{item['name']} for {item['role']}"
        if item["decision"] == "reject":
            return "Do not ship: it was rejected.", f"Rejected by {who}."
        if not item["covers"]:
            return "Do not ship: an approval is not about this run.", f"The signature of {who} does not cover this evidence."
    return None


def _meaning(record: RunRecord, decision: Decision) -> tuple[str, str]:
    blocking, problems = len(in_the_way(record)), len(waiver_problems(record))
    if decision.verdict is Verdict.NO_GO:
        told = [_count(blocking, "control")] if blocking else []
        told += [f"{_count(problems, 'waiver')} with a problem"] if problems else []
        return "Do not ship.", f"{' and '.join(told)} {'stands' if blocking + problems == 1 else 'stand'} in the way."
    if decision.verdict is Verdict.INCONCLUSIVE:
        return "Do not ship yet.", f"Too little is known: {_count(blocking, 'control')} could not be judged."
    used = sum(item.used for item in waivers(record))
    outcomes = Counter(result_of(record, control).outcome for control in record.controls)
    applicable = len(record.controls) - outcomes[Outcome.NOT_APPLICABLE]
    because = f", and {_count(used, 'waiver')} counted: without, the verdict is {decision.before_waivers}" if used else ""
    return CLEAR, f"Nothing stands in the way: {outcomes[Outcome.PASSED]} of {_count(applicable, 'control')} passed{because}."


def changes(record: RunRecord, places: Places) -> list[dict[str, Any]]:
    """What would change the verdict, in the order of doing: `text`, and `links` to the findings it is about."""
    if record.decision is None:
        found = list(_after_interruption(record))
    elif record.decision.verdict is Verdict.GO:
        found = list(_of_a_go(record))
    else:
        found = list(_to_mend(record))
    return [_item(text, pairs, places) for text, pairs in found]


Change = tuple[str, Sequence[Pair]]


def _after_interruption(record: RunRecord) -> Iterator[Change]:
    yield "Run the gate again, to its end: only a whole run has a verdict.", ()
    if failed := [pair for pair in in_the_way(record) if pair[1].outcome is Outcome.FAILED]:
        yield "What failed until then will fail again unless it is mended:", failed


def _to_mend(record: RunRecord) -> Iterator[Change]:
    blocking = in_the_way(record)
    failed = [pair for pair in blocking if pair[1].outcome is Outcome.FAILED]
    mends: dict[str, list[Pair]] = {}  # one remedy often is that of many
    for control, result in failed:
        mends.setdefault(control.mend or f"Mend what was found: {result.reason}.", []).append((control, result))
    yield from list(mends.items())[:FIRST]
    if rest := [pair for pairs in list(mends.values())[FIRST:] for pair in pairs]:
        yield "Mend as well:", rest
    if unknown := [pair for pair in blocking if pair[1].outcome is not Outcome.FAILED]:
        yield f"Find out why {_count(len(unknown), 'control')} could not be judged:", unknown
    for problem in waiver_problems(record)[:NAMED]:
        yield f"Renew or remove {problem}.", ()
    for item in record.decision.criteria if record.decision else ():
        if item.verdict is Verdict.INCONCLUSIVE and not item.blocking:
            yield f'Get evidence for "{item.criterion.wording}": no control of it has passed.', ()
    yield "Then run the gate again.", ()
    if able := [pair for pair in failed if not refusal(*pair)]:
        yield "Or somebody answers for it until a day: gate waive drafts the waiver. That is possible for:", able
    if never := [pair for pair in failed if refusal(*pair)]:
        yield "No waiver can cover:", never


def _of_a_go(record: RunRecord) -> Iterator[Change]:
    for item in sorted((item for item in waivers(record) if item.used), key=lambda item: item.waiver.until)[:NAMED]:
        yield f"The end of the waiver of {item.waiver.control}: {item.ends}.", ()
    known = set(record.decision.waived) if record.decision else set()
    if reported := sorted((pair for pair in findings(record) if pair[0].id not in known), key=gravest):
        yield f"A stricter policy. This one reports {_count(len(reported), 'finding')} without blocking:", reported
    yield "A change of build or configuration: the verdict holds for what was tested.", ()


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _item(text: str, pairs: Sequence[Pair], places: Places) -> dict[str, Any]:
    links = [_link(control, places) for control, _ in pairs[:NAMED]]
    return {
        "text": line(text, 400),
        "links": links,
        "more": max(0, len(pairs) - NAMED),
        "first": len(pairs) == 1 and not text.endswith(":"),
    }


def _link(control: Control, places: Places) -> tuple[str, str]:
    return line(control.id, 80), places.get(control.id, "")


def criteria(record: RunRecord, places: Places) -> list[dict[str, Any]]:
    """The five lines: verdict, how many of their controls passed, and what blocks."""
    decided = {item.criterion: item for item in record.decision.criteria} if record.decision else {}
    return [_criterion(record, criterion, decided.get(criterion), places) for criterion in Criterion]


def _criterion(record: RunRecord, criterion: Criterion, result: CriterionResult | None, places: Places) -> dict[str, Any]:
    mine = [item for item in record.controls if criterion in (Criterion.GATE, item.criterion)]
    outcomes = Counter(result_of(record, item).outcome for item in mine)
    blocking = set(result.blocking) if result else set()
    links = [_link(item, places) for item in mine if item.id in blocking]
    verdict = result.verdict if result else None
    return {
        "title": criterion.wording,
        "verdict": verdict.value if verdict else "not applicable" if result else "not decided",
        "kind": KINDS[verdict] if verdict else "plain",
        "passed": outcomes[Outcome.PASSED],
        "of": len(mine) - outcomes[Outcome.NOT_APPLICABLE],
        "blocking": links[:FIRST],
        "more": max(0, len(links) - FIRST),
    }
