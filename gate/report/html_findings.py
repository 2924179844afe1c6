"""The findings of the HTML report: what was expected, sent and seen, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gate.model import Control, LedgerLine, Outcome, Result, RunRecord
from gate.report import page
from gate.report.clean import line
from gate.report.view import findings, requests_of, waiver_of

Pair = tuple[Control, Result]
Places = dict[str, str]  # control to the anchor of its finding, where the page has room for it

BUDGET = 700_000  # bytes that findings may take
CARD = 900  # bytes of markup around one
REQUESTS, NAMED = 6, 40
ORDER = (Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.NOT_RUN)


def gravest(pair: Pair) -> tuple[bool, int, int]:
    """Failures before what broke or is unknown, then by severity; what the rollback rules make of them comes last."""
    control, result = pair
    return control.suite == "rollback", ORDER.index(result.outcome), -control.severity.rank


def in_the_way(record: RunRecord) -> list[Pair]:
    """The findings that block, the gravest first; in an interrupted run all of them."""
    blocking = set(record.decision.blocking) if record.decision else None
    return sorted((pair for pair in findings(record) if blocking is None or pair[0].id in blocking), key=gravest)


def groups(record: RunRecord) -> tuple[list[dict[str, Any]], Places]:
    """Those that block and those that do not; and where each is on the page.

    A group has a `title`, a `count`, `cards`, how many more are `hidden` because the page has no room for them, and what did not run
    (`idle`, by reason).
    """
    blocking = in_the_way(record)
    ids = {control.id for control, _ in blocking}
    others = sorted((pair for pair in findings(record) if pair[0].id not in ids), key=gravest)
    numbers = {control.id: f"f{number}" for number, control in enumerate(record.controls, 1)}
    ran = [pair for pair in (*blocking, *others) if pair[1].outcome is not Outcome.NOT_RUN]
    cards = page.within((_card(record, *pair, numbers[pair[0].id]) for pair in ran), lambda card: page.size(card) + CARD, BUDGET)
    shown = {card["anchor"]: card for card in cards}
    places = {name: anchor for name, anchor in numbers.items() if anchor in shown}
    titled = {"In the way" if record.decision else "Found before the interruption": blocking, "Reported, not in the way": others}
    return [_group(title, pairs, places, shown) for title, pairs in titled.items()], places


def _group(title: str, pairs: Sequence[Pair], places: Places, shown: dict[str, dict[str, Any]]) -> dict[str, Any]:
    idle = [pair for pair in pairs if pair[1].outcome is Outcome.NOT_RUN]
    cards = [shown[places[control.id]] for control, _ in pairs if control.id in places]
    hidden = len(pairs) - len(idle) - len(cards)
    return {"title": title, "count": len(pairs), "cards": cards, "hidden": hidden, "idle": _idle(idle)}


def _card(record: RunRecord, control: Control, result: Result, anchor: str) -> dict[str, Any]:
    waiver = waiver_of(record, control.id)
    cited = requests_of(record, result)
    return {
        "anchor": anchor,
        "id": line(control.id, 80),
        "title": line(control.title, 200),
        "outcome": result.outcome.value,
        "severity": control.severity.value,
        "basis": control.basis.value,
        "kind": line(result.kind, 40),
        "waived": line(waiver.ends, 120) if waiver else "",
        # Both sides say it better, where there are two.
        "reason": "" if result.expected else line(result.reason, 600),
        "expected": line(result.expected, 600),
        "seen": line(result.seen, 600),
        "requests": [_request(item) for item in cited[:REQUESTS]],
        "more": max(0, len(result.requests) - min(len(cited), REQUESTS)),
        "why": line(control.why, 400),
        "mend": line(control.mend, 400),
        "see": line(", ".join(control.references), 300),
        "fingerprint": line(result.fingerprint, 100),
    }


def _request(item: LedgerLine) -> dict[str, str]:
    answer = str(item.status) if item.status is not None else line(item.failure or "no answer", 120)
    note = f" ({line(item.note, 80)})" if item.note else ""
    return {
        "call": f"{line(item.method, 12)} {line(item.target, 200)}",
        "as": f"{line(item.identity or 'nobody', 40)}{note}",
        "answer": answer,
        "took": f"{item.seconds:.3f} s",
        "number": str(item.number),
        "id": line(item.request_id, 80),
    }


def _idle(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """What did not run, by reason: one reason often holds for many."""
    known: dict[str, list[str]] = {}
    for control, result in pairs:
        known.setdefault(line(result.reason, 300), []).append(control.id)
    return [
        {"reason": reason, "count": len(ids), "ids": [line(item, 80) for item in ids[:NAMED]], "more": max(0, len(ids) - NAMED)}
        for reason, ids in list(known.items())[:NAMED]
    ]
