"""The recall drill under load: its slowest time counts, one that is not answered fails, too few say nothing."""

from __future__ import annotations

import math

import pytest

from gate.decide.load_recall import RecallTimes, judge_recall
from gate.model import LoadOutcome

PASSED, FAILED, INCONCLUSIVE = LoadOutcome.PASSED, LoadOutcome.FAILED, LoadOutcome.INCONCLUSIVE

CASES = {
    "all quick": ((0.01, 0.02, 0.03), PASSED, 30.0),
    "one at the limit": ((0.01, 10.0, 0.03), FAILED, 10000.0),
    "one over it": ((0.01, 0.02, 11.0), FAILED, 11000.0),
    "one not answered": ((0.01, None, 0.02), FAILED, 20.0),
    "none answered": ((None, None, None), FAILED, None),
    "none sent": ((), INCONCLUSIVE, None),
    "too few": ((0.01, 0.02), INCONCLUSIVE, 20.0),
    "no number": ((0.01, 0.02, math.nan), FAILED, None),
    "negative": ((-1.0, -1.0, -1.0), FAILED, -1000.0),
}


@pytest.mark.parametrize("case", CASES)
def test_recall_under_load(case: str) -> None:
    under, outcome, observed = CASES[case]
    check = judge_recall(RecallTimes((0.01, None), under, 10.0))
    assert check.outcome is outcome
    if observed is not None:
        assert check.observed == pytest.approx(observed)
    assert check.message.endswith("limit < 10000 ms")


def test_both_times_are_told() -> None:
    check = judge_recall(RecallTimes((0.011, 0.012), (0.02, 0.03, 0.025), 10.0))
    assert check.message == "recall drill under load: 3 times, slowest 30.0 ms (without load slowest 12.0 ms), limit < 10000 ms"
