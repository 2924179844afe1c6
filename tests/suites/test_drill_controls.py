"""The drills' controls can fail: each check is given answers that are right, and then the same with one thing wrong."""

from __future__ import annotations

import copy
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from gate.model import Inconclusive, Unmet
from tests.suites.drills import DATE, TOOLS, T, refuted, suite
from tests.suites.made_up import nothing, saw

COLUMNS = ["audit_id", "event_time", "actor_id", "action_type", "entity_id", "prev_hash", "event_hash"]


def event(number: int) -> dict[str, Any]:
    before = f"h{number - 1}" if number else None
    values = [f"id{number}", f"2026-11-24T21:00:{number:02}+00:00", "gate-qa", "DONE", "thing", before, f"h{number}"]
    return dict(zip(COLUMNS, values, strict=True))


def events(count: int = 4) -> list[dict[str, Any]]:
    """A trail, newest first; each event follows the one below it."""
    return [event(number) for number in reversed(range(count))]


def trail(rows: list[dict[str, Any]], exported: list[dict[str, Any]] | None = None, single: Any = None) -> Any:
    text = "\r\n".join([",".join(COLUMNS), *(",".join(str(row[name] or "") for name in COLUMNS) for row in exported or [])]).encode()
    listed = saw({"rows": rows, "count": len(rows)}, 200, DATE)
    return SimpleNamespace(
        listed=listed, rows=rows, limit=1000, exported=saw(text, 200, ("Content-Type", "text/csv")), single=saw(single or {})
    )


def changed(rows: list[dict[str, Any]], number: int, **fields: Any) -> list[dict[str, Any]]:
    found = copy.deepcopy(rows)
    found[number] |= fields
    return found


LISTS: dict[str, list[tuple[str, list[dict[str, Any]]]]] = {
    "test_list_is_a_chain": [
        ("a link to nowhere", changed(events(), 0, prev_hash="gone")),
        ("no link", changed(events(), 0, prev_hash=None)),
        ("an id twice", changed(events(), 0, audit_id="id1")),
        ("a hash twice", changed(events(), 0, event_hash="h1")),
        ("no hash", changed(events(), 0, event_hash="")),
        ("an event taken out", [*events()[:1], *events()[2:]]),
    ],
    "test_newest_first": [("oldest first", events()[::-1]), ("one event alone", events()[:1]),
        ("no time", changed(events(), 1, event_time="x"))],
    "test_no_event_from_the_future": [
        ("tomorrow", changed(events(), 0, event_time="2026-11-25T21:00:00+00:00")),
        ("a number", changed(events(), 0, event_time=1790000000)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", LISTS)
def test_a_list_that_is_wrong_is_seen(check: str) -> None:
    judge = getattr(suite("audit/test_trail"), check)
    arguments = {"measured": nothing, "t": T, "tools": TOOLS}
    judge(trail=trail(events()), **arguments)
    passed = [wrong for wrong, rows in LISTS[check] if not refuted(lambda rows=rows: judge(trail=trail(rows), **arguments))]
    assert passed == []


@pytest.mark.parametrize(
    ("exported", "error"),
    [
        (changed(events(), 1, event_hash="other"), Unmet),
        (changed(events(), 1, actor_id="somebody"), Unmet),
        (changed(events(), 1, event_time="2026-11-24T19:00:02+00:00"), Unmet),
        (events()[:1] + events()[2:], Unmet),
        ([], Inconclusive),
    ],
)
def test_an_export_that_differs_is_seen(exported: list[dict[str, Any]], error: type[Exception]) -> None:
    module = suite("audit/test_trail")
    module.test_export_agrees(trail(events(), events()), nothing, T, TOOLS)
    with pytest.raises(error):
        module.test_export_agrees(trail(events(), exported), nothing, T, TOOLS)


def test_the_list_may_have_newer_events_than_the_export() -> None:
    """Others write between two answers: what only the later one has is no fault."""
    suite("audit/test_trail").test_export_agrees(trail(events(6)[2:], events(6)), nothing, T, TOOLS)


def test_a_single_event_that_is_another_is_seen() -> None:
    module = suite("audit/test_trail")
    module.test_single_event(trail(events(), single=events()[0]), nothing, T)
    for single in (events()[1], {"detail": "x"}, {**events()[0], "actor_id": "somebody"}):
        with pytest.raises(Unmet):
            module.test_single_event(trail(events(), single=single), nothing, T)


def recall(code: str = "BATCH-1", customers: tuple[str, ...] = ("a", "b"), quantity: Any = 650.0, **counts: int) -> dict[str, Any]:
    rows = [{"customer_id": name, "name": name, "customer_type": "x"} for name in customers]
    figures = {"impacted_customers_count": len(customers), "suppliers_count": 2, "finished_lots_count": 1, "impacted_qty": quantity}
    return {"simulation": {"batch_code": code, "customers": rows, **figures, **counts}}


def drill(*recalls: dict[str, Any]) -> Any:
    seen = [saw(body, identity="admin") for body in recalls]
    return SimpleNamespace(recalls=seen, traces=[], observations=seen, recall=seen[0].json())


NOBODY = recall("GHOST", (), 0.0, suppliers_count=0, finished_lots_count=0)


@pytest.mark.parametrize(
    ("ghost", "other"),
    [
        (saw(recall("GHOST")), saw({}, 404)),
        (saw(recall("GHOST", (), 0.0)), saw({}, 404)),
        (saw({}, 500), saw({}, 404)),
        (saw(NOBODY), saw(recall("BATCH-2026-02-0013"))),
        (saw(NOBODY), saw(recall("BATCH-1", ("c",), 10.0))),
        (saw(NOBODY), saw({}, 500)),
        (saw({"simulation": {}}), saw({}, 404)),
    ],
)
def test_the_answer_of_another_batch_is_seen(ghost: Any, other: Any) -> None:
    check = suite("recall/test_recall_variants").test_other_batches
    for fine in (saw(NOBODY), saw({}, 404)):
        check(drill(recall()), fine, saw(recall("BATCH-2026-02-0013", ("c",), 10.0)), nothing, T)
        check(drill(recall()), fine, None, nothing, T)
    with pytest.raises(Unmet):
        check(drill(recall()), ghost, other, nothing, T)


ROW = (1, ["a", "b"], Decimal("650.000"), ["s", "r"], ["l"], ["f"])


def truth(*rows: Any, problem: str = "") -> Any:
    return SimpleNamespace(seen=[[row] for row in rows], problem=problem)


def test_what_the_records_say_decides() -> None:
    check = suite("recall/test_recall_truth").test_recall_is_true
    check(drill(recall()), truth(ROW, ROW), nothing, T)
    later = (1, ["a", "b", "c"], Decimal(700), ["s", "r"], ["l"], ["f"])
    check(drill(recall()), truth(ROW, later), nothing, T)
    wrong = [
        recall(customers=("a",)),
        recall(quantity=649.9),
        recall(quantity="x"),
        recall(suppliers_count=3),
        recall(customers=("a", "b", "c")),
    ]
    for body in wrong:
        with pytest.raises(Unmet):
            check(drill(body), truth(ROW, ROW), nothing, T)
    with pytest.raises(Inconclusive):
        check(drill(recall(customers=("z",))), truth(ROW, later), nothing, T)
    for known in (truth(ROW), truth(ROW, ROW, problem="no answer")):
        with pytest.raises(Inconclusive):
            check(drill(recall()), known, nothing, T)
    with pytest.raises(Unmet):
        check(drill(recall()), truth((0, *ROW[1:]), (0, *ROW[1:])), nothing, T)
