"""What counts as killed, and what does not."""

from __future__ import annotations

import pytest

from selftest.matrix import as_data, as_text, good
from selftest.trial import Trial


def trial(status=10, hits=3, kind="fault", meant=("AUTH-*",), **outcomes):
    named = {key.replace("_", "-"): value for key, value in outcomes.items()}
    return Trial("a.fault", "A fault", kind, meant, status, hits, 1.0, named or {"AUTH-001": "failed"})


CASES = {
    "a control meant for it failed": (trial(), "killed"),
    "it was inconclusive": (trial(11, AUTH_001="inconclusive"), "killed"),
    "only another control failed": (trial(REC_001="failed"), "luck"),
    "only a rollback trigger fired": (trial(meant=("ROLL-*",), ROLL_001="failed"), "luck"),
    "the gate said GO": (trial(0, AUTH_001="failed"), "survived"),
    "the fault never bit": (trial(hits=0), "idle"),
    "the fault never bit and the gate said GO": (trial(0, hits=0), "idle"),
    "the gate broke": (trial(1), "broke"),
    "the gate was misconfigured": (trial(2), "broke"),
    "the control did not run": (trial(11, AUTH_001="not_run"), "luck"),
    "a harmless variation stayed green": (trial(0, kind="benign", meant=()), "quiet"),
    "a harmless variation alarmed": (trial(11, kind="benign", meant=()), "alarm"),
    "a harmless variation broke the gate": (trial(1, kind="benign", meant=()), "broke"),
}


@pytest.mark.parametrize("case", CASES)
def test_verdict_of_a_trial(case):
    found, verdict = CASES[case]
    assert found.verdict == verdict
    assert good([found]) is (verdict in ("killed", "quiet"))


def test_nothing_is_not_good():
    assert not good([])


def test_one_survivor_spoils_it():
    assert not good([trial(), trial(0)])


def test_the_matrix_says_who_killed_what():
    trials = [trial(), trial(AUTH_001="failed", REC_001="failed"), trial(REC_001="failed"), trial(0, kind="benign", meant=())]
    text = as_text(trials, good(trials))
    assert "killed by a control meant for it: 2 of 3" in text
    assert "caught by luck: 1" in text
    assert "false alarms: 0 of 1" in text
    assert text.endswith("Self-test: FAIL\n")
    data = as_data(trials, about={"x": 1}, passed=False)
    assert data["counts"] == {"killed": 2, "luck": 1, "quiet": 1}
    assert data["trials"][1]["controls"] == {"AUTH-001": "failed", "REC-001": "failed"}
