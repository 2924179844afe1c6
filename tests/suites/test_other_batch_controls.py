"""Recalls of other batches and of almost the same code; the trail's order, digests and filters."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gate.model import Inconclusive, Unmet
from tests.suites.made_up import saw, suite, target

OTHER, ORDER, DRILLS = suite("recall/test_other_batches.py"), suite("audit/test_order.py"), suite("recall/conftest.py")
ROW = {"batches": 1, "customers": {"c1", "c2"}, "quantity": 10, "suppliers": {"s1"}, "raw_material_lots": {"l1"}, "finished_lots": {"f1"}}


def count(_seen: Any) -> None:
    """Instead of `measured`."""


def recalled(customers: int = 2, quantity: str = "10.0", suppliers: int = 1, lots: int = 1) -> Any:
    rows = [{"customer_id": f"c{number}"} for number in range(1, customers + 1)]
    figures = {
        "impacted_customers_count": customers,
        "impacted_qty": float(quantity),
        "suppliers_count": suppliers,
        "finished_lots_count": lots,
    }
    return saw({"simulation": {"batch_code": "B-2", **figures, "customers": rows}})


def traced(supplier: str, code: str) -> Any:
    return saw({"batch_code": code, "backward": {"suppliers": [{"supplier_id": supplier}]}, "forward": {}})


DRILL = SimpleNamespace(recalls=[recalled()], traces=[traced("s1", "B-1")], trace=traced("s1", "B-1").json())


def others(recall: Any, *rows: dict[str, Any], problem: str = "") -> Any:
    return DRILLS.Others({"B-2": recall}, {}, {"B-2": list(rows or (ROW, ROW))}, problem)


def test_a_recall_that_agrees_with_the_records_passes() -> None:
    OTHER.test_hard_recalls(others(recalled()), DRILL, count, target())


@pytest.mark.parametrize("answer", [recalled(1), recalled(3), recalled(quantity="9.5"), recalled(suppliers=2), recalled(lots=0)])
def test_a_recall_that_does_not_is_a_finding(answer: Any) -> None:
    with pytest.raises(Unmet, match="as in the records"):
        OTHER.test_hard_recalls(others(answer), DRILL, count, target())


def test_records_that_changed_meanwhile_prove_nothing() -> None:
    with pytest.raises(Inconclusive, match="changed meanwhile"):
        OTHER.test_hard_recalls(others(recalled(3), ROW, ROW | {"customers": {"c1"}}), DRILL, count, target())


def test_without_records_nothing_is_said() -> None:
    with pytest.raises(Inconclusive, match="no database"):
        OTHER.test_hard_recalls(others(recalled(), problem="no database"), DRILL, count, target())


def test_where_there_is_no_other_batch_nothing_more_can_be_wrong() -> None:
    OTHER.test_hard_recalls(DRILLS.Others(), DRILL, count, target())
    OTHER.test_hard_traces(DRILLS.Others(), DRILL, count, target())


@pytest.mark.parametrize(
    "almost",
    [
        {"the recall of B_1": recalled()},
        {"the trace of B-1X": saw({"backward": {"suppliers": [{"supplier_id": "s1"}]}, "forward": {}})},
    ],
)
def test_almost_the_same_code_finds_nothing(almost: Any) -> None:
    with pytest.raises(Unmet, match="nothing for"):
        OTHER.test_almost(almost, DRILL, count, target())


def test_a_refusal_of_an_odd_code_is_right() -> None:
    none = saw(
        {
            "simulation": {
                "batch_code": "B_1",
                "impacted_customers_count": 0,
                "impacted_qty": 0,
                "suppliers_count": 0,
                "finished_lots_count": 0,
            }
        }
    )
    answers = {"the recall of B_1": none, "the trace of B-1X": saw({}, 404), "the trace of B_1": saw({}, 422)}
    OTHER.test_almost(answers, DRILL, count, target())


def test_a_code_cut_short_may_be_another_batch_and_not_the_drills() -> None:
    cut = target().settings.batch_code[:-1]
    OTHER.test_almost({f"the trace of {cut}": traced("s2", cut)}, DRILL, count, target())
    for wrong in (traced("s1", cut), traced("s2", "BATCH-OTHER")):
        with pytest.raises(Unmet, match="or another batch"):
            OTHER.test_almost({f"the trace of {cut}": wrong}, DRILL, count, target())


def event(number: int, *, prev: int | None = None, entity: str = "pack", action: str = "DONE", digest: str = "") -> dict[str, Any]:
    own, before = (digest or f"{item:064x}" for item in (number, number - 1 if prev is None else prev))
    at = f"2026-11-24T21:00:{number:02}+00:00"
    return {"audit_id": f"id{number}", "event_hash": own, "prev_hash": before, "entity_id": entity, "action_type": action, "event_time": at}


TOOLS = SimpleNamespace(moment=lambda text: datetime.fromisoformat(text) if text else None)


def order(*rows: dict[str, Any]) -> None:
    trail, pack = SimpleNamespace(rows=list(rows), listed=None), SimpleNamespace(pack_id="pack", generated=None, verified=None)
    ORDER.test_order(trail, pack, count, target(), TOOLS)


def test_an_event_follows_the_one_before_it() -> None:
    order(event(3), event(2), event(1, entity="other"))
    order(event(4), event(3, entity="other"), event(2), event(1, entity="other"))


def test_an_event_that_points_past_another_is_a_finding() -> None:
    with pytest.raises(Unmet):
        order(event(3, prev=1), event(2), event(1, entity="other"))
    with pytest.raises(Unmet, match="predecessor"):
        order(event(3, prev=9), event(2), event(1, entity="other"))


def test_one_event_about_the_pack_has_no_order() -> None:
    with pytest.raises(Inconclusive):
        order(event(2), event(1, entity="other"))


@pytest.mark.parametrize("digests", [("ab" * 8, "cd" * 8), ("ab" * 32, "cd" * 16), ("zz" * 32, "ab" * 32), ("", "ab" * 32)])
def test_digests_are_whole_and_of_one_length(digests: tuple[str, str]) -> None:
    trail = SimpleNamespace(rows=[{"event_hash": text} for text in digests], listed=None)
    with pytest.raises(Unmet):
        ORDER.test_hashes(trail, count, target())
    ORDER.test_hashes(SimpleNamespace(rows=[event(1), event(2)], listed=None), count, target())


def filters(inside: list[dict[str, Any]], none: list[dict[str, Any]]) -> None:
    ORDER.test_filters((event(5), [saw({"rows": inside}), saw({"rows": none})]), count, target(), TOOLS)


def test_filters_that_select_pass() -> None:
    filters([event(5)], [])


@pytest.mark.parametrize(
    ("inside", "none"),
    [([event(5)], [event(1)]), ([event(5), event(4, action="OTHER")], []), ([event(5), event(1)], []), ([], []), ([event(4)], [])],
)
def test_filters_that_do_nothing_are_findings(inside: Any, none: Any) -> None:
    with pytest.raises(Unmet):
        filters(inside, none)


def test_a_profile_without_filters_says_nothing_of_them() -> None:
    with pytest.raises(Inconclusive):
        ORDER.test_filters((None, []), count, target(), TOOLS)


class TestChosen:
    """Which of the candidates are asked for: numbers say how hard a batch is, for each reason."""

    def test_one_that_is_hard_for_many_reasons_goes_before_one_that_is_very_hard_for_one(self):
        assert DRILLS.chosen([("A", [9, 0, 0]), ("B", [1, 1, 0]), ("C", [0, 0, 1])], 2) == ["B", "C"]

    def test_what_is_covered_does_not_count_again(self):
        assert DRILLS.chosen([("A", [5, 5, 0, 0]), ("B", [4, 4, 0, 0]), ("C", [0, 0, 1, 0])], 2) == ["A", "C"]

    def test_of_equals_the_hardest_and_then_the_first(self):
        assert DRILLS.chosen([("B", [2]), ("A", [2]), ("C", [1])], 3) == ["A", "B", "C"]

    @pytest.mark.parametrize(("candidates", "found"), [([], []), ([("A", [0, None])], ["A"])])
    def test_there_need_not_be_enough(self, candidates, found):
        assert DRILLS.chosen(candidates, 3) == found
