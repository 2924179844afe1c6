"""What `gate diff` says of two runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gate.model import Outcome, Result, RunRecord, Severity, Terms, Verdict
from gate.report.compare import Comparison, Kind, compare
from gate.report.diff import FORMATS

NAME = "AUTH-001"


def with_outcome(record: RunRecord, outcome: Outcome, fingerprint: str = "fp:9", name: str = NAME) -> RunRecord:
    reason = "" if outcome is Outcome.PASSED else f"it is {outcome}"
    return replace(record, results={**record.results, name: Result(name, outcome, reason, measured=1, fingerprint=fingerprint)})


def without(record: RunRecord, name: str = NAME) -> RunRecord:
    return replace(
        record,
        controls=tuple(control for control in record.controls if control.id != name),
        results={key: result for key, result in record.results.items() if key != name},
    )


def later(record: RunRecord) -> RunRecord:
    """The same as another run, some minutes after."""
    return replace(record, run_id="r2-20260228", started_at="2026-02-28T10:30:00.000Z")


def kinds(found: Comparison) -> dict[str, list[str]]:
    return {kind.value: [change.control.id for change in found.of(kind)] for kind in Kind if found.of(kind)}


P, F, E, U, N, X = (
    Outcome.PASSED,
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_RUN,
    Outcome.NOT_APPLICABLE,
)
TABLE: list[tuple[Outcome | None, Outcome | None, Kind | None, bool]] = [
    (P, P, None, False),
    (F, F, None, False),
    (N, N, None, False),
    (P, F, Kind.NEWLY_FAILING, True),
    (U, F, Kind.NEWLY_FAILING, True),
    (E, F, Kind.NEWLY_FAILING, True),
    (N, F, Kind.NEWLY_FAILING, True),
    (X, F, Kind.NEWLY_FAILING, True),
    (None, F, Kind.NEWLY_FAILING, True),
    (F, P, Kind.NEWLY_PASSING, False),
    (U, P, Kind.NEWLY_PASSING, False),
    (N, P, Kind.NEWLY_PASSING, False),
    (X, P, Kind.NEWLY_PASSING, False),
    (P, N, Kind.NO_LONGER_RUN, True),
    (F, N, Kind.NO_LONGER_RUN, True),
    (E, N, Kind.NO_LONGER_RUN, True),
    (P, X, Kind.NO_LONGER_RUN, True),
    (F, X, Kind.NO_LONGER_RUN, True),
    (P, U, Kind.CHANGED, True),
    (P, E, Kind.CHANGED, True),
    (F, U, Kind.CHANGED, False),
    (F, E, Kind.CHANGED, False),
    (N, X, Kind.CHANGED, False),
    (X, N, Kind.CHANGED, False),
    (X, U, Kind.CHANGED, False),
    (P, None, Kind.NO_LONGER_PLANNED, True),
    (F, None, Kind.NO_LONGER_PLANNED, True),
    (N, None, Kind.NO_LONGER_PLANNED, False),
    (X, None, Kind.NO_LONGER_PLANNED, False),
    (None, P, Kind.NEWLY_PLANNED, False),
    (None, U, Kind.NEWLY_PLANNED, False),
    (None, N, Kind.NEWLY_PLANNED, False),
]


@pytest.mark.parametrize(("was", "now", "kind", "regression"), TABLE)
def test_what_became_of_a_control(
    was: Outcome | None, now: Outcome | None, kind: Kind | None, *, regression: bool, runs: dict[str, RunRecord]
) -> None:
    sides = [without(runs["go"]) if outcome is None else with_outcome(runs["go"], outcome) for outcome in (was, now)]
    found = compare(sides[0], later(sides[1]))
    assert kinds(found) == ({kind.value: [NAME]} if kind else {})
    assert found.regression is regression


def test_a_failure_with_another_finding_is_a_change(runs: dict[str, RunRecord]) -> None:
    found = compare(with_outcome(runs["go"], F, "fp:1"), later(with_outcome(runs["go"], F, "fp:2")))
    (change,) = found.of(Kind.CHANGED)
    assert change.note.startswith("it fails with another finding")


def test_the_gravest_comes_first(runs: dict[str, RunRecord]) -> None:
    severities = {control.id: control.severity for control in runs["go"].controls}
    new = runs["go"]
    for name in severities:
        new = with_outcome(new, F, name=name)
    order = [severities[change.control.id] for change in compare(runs["go"], later(new)).of(Kind.NEWLY_FAILING)]
    assert order == sorted(order, key=lambda severity: -severity.rank)
    assert order[0] is Severity.CRITICAL


def test_waivers_that_came_and_went(runs: dict[str, RunRecord]) -> None:
    there = compare(runs["go"], later(runs["waived"]))
    assert kinds(there)["newly waived"] == ["ERR-001"]
    assert kinds(there)["newly failing"] == ["ERR-001"]
    assert there.of(Kind.NEWLY_WAIVED)[0].note.startswith("until 2026-03-03, approved by Grace Hopper, OPS-42: ")
    back = compare(runs["waived"], later(runs["waiver-expired"]))
    assert kinds(back) == {"waiver gone": ["ERR-001"]}
    assert "until 2026-03-03" in back.of(Kind.WAIVER_GONE)[0].note


def test_a_worse_verdict_is_a_regression_though_no_control_changed(runs: dict[str, RunRecord]) -> None:
    found = compare(runs["waived"], later(runs["waiver-expired"]))
    assert not any(change.regression for change in found.changes)
    assert found.regression


def test_a_better_verdict_is_none(runs: dict[str, RunRecord]) -> None:
    assert not compare(runs["no-go"], later(runs["go"])).regression


@pytest.mark.parametrize(
    ("old", "new", "worse"), [("go", "interrupted", True), ("interrupted", "go", False), ("interrupted", "no-go", True)]
)
def test_an_interrupted_run_is_shown_as_such(old: str, new: str, *, worse: bool, runs: dict[str, RunRecord]) -> None:
    found = compare(runs[old], later(runs[new]))
    assert found.regression is worse
    side = "new" if new == "interrupted" else "old"
    assert found.warnings == (f"The {side} run was interrupted and has no verdict: SIGINT",)
    for render in FORMATS.values():
        page = render(found)
        assert f"The {side} run was interrupted" in page
        assert "none (interrupted)" in page


def facts(found: Comparison) -> dict[str, tuple[str, str, str]]:
    return {fact.name: (fact.old, fact.new, fact.note) for fact in found.facts if fact.changed}


def test_the_recall_time(runs: dict[str, RunRecord]) -> None:
    slow = replace(runs["go"], facts={**runs["go"].facts, "recall_drill": {"trace_seconds": 2}})
    assert facts(compare(runs["go"], later(slow)))["recall time"] == ("0.669 s", "2.000 s", "+1.331 s, +199 %")
    for value in (None, "fast", True, [], {}):
        odd = replace(slow, facts={"recall_drill": {"trace_seconds": value}})
        assert facts(compare(slow, odd))["recall time"] == ("2.000 s", "not recorded", "")
    zero = replace(slow, facts={"recall_drill": {"trace_seconds": 0}})
    assert facts(compare(zero, slow))["recall time"] == ("0.000 s", "2.000 s", "+2.000 s")


def test_what_the_runs_were_judged_by(runs: dict[str, RunRecord]) -> None:
    old = runs["go"]
    assert isinstance(old.terms, Terms)
    terms = replace(
        old.terms,
        hardening=Severity.LOW,
        inputs={"profile": "aa" * 32, "policy": "bb" * 32, "waivers": "cc" * 32},
        sources={"suites/a.py": "1", "suites/b.py": "2"},
        suites_commit="9902729" + "0" * 33 + "-changed",
    )
    new = replace(later(old), terms=terms, policy="strict", profile="mine", base_url="https://other.example.com", gate_version="0.2.0")
    told = facts(compare(old, new))
    assert told["policy"] == ("baseline", "strict", "other failures block than before")
    assert told["policy floors"][1] == "contract medium, hardening low"
    assert told["profile file"][2] == "its contents changed"
    assert told["waivers file"][:2] == ("not recorded", "cc" * 6)
    assert told["suites"] == ("0 files", "2 files, commit 990272900000-changed", "2 of the files changed: suites/a.py, suites/b.py")
    assert told["base URL"][2].startswith("another target")
    assert told["gate"][:2] == ("0.1.0", "0.2.0")


def test_a_changed_suite_is_told_though_their_number_is_the_same(runs: dict[str, RunRecord]) -> None:
    old, new = (
        replace(record, terms=replace(record.terms, sources={"suites/a.py": text}))
        for record, text in ((runs["go"], "1"), (later(runs["go"]), "2"))
        if record.terms
    )
    assert facts(compare(old, new))["suites"] == ("1 files", "1 files", "1 of the files changed: suites/a.py")


def test_a_run_that_ended_before_its_plan(runs: dict[str, RunRecord]) -> None:
    early = replace(runs["interrupted"], controls=(), results={}, terms=None, facts={})
    found = compare(runs["go"], later(early))
    assert len(found.of(Kind.NO_LONGER_PLANNED)) == 7
    assert found.regression
    assert kinds(compare(early, later(runs["go"])))["newly planned"]


def test_exchanged_or_equal_runs_are_warned_of(runs: dict[str, RunRecord]) -> None:
    assert compare(runs["go"], runs["go"]).warnings == ("Both are the same run.",)
    assert compare(later(runs["go"]), runs["go"]).warnings == ("The new run began before the old one: were the two exchanged?",)


def test_no_difference_is_said(runs: dict[str, RunRecord]) -> None:
    found = compare(runs["go"], later(runs["go"]))
    for name in ("text", "markdown", "html"):
        assert "Nothing is different in any control. " in " ".join(FORMATS[name](found).split())
    assert json.loads(FORMATS["json"](found))["changes"] == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_runs_give_the_same_bytes(name: str, runs: dict[str, RunRecord]) -> None:
    render: Callable[[Comparison], str] = FORMATS[name]
    assert render(compare(runs["go"], runs["no-go"])) == render(compare(runs["go"], runs["no-go"]))


def test_every_format_tells_every_change(runs: dict[str, RunRecord]) -> None:
    new = later(with_outcome(without(runs["no-go"], "AUDIT-001"), N, name="RECALL-001"))
    found = compare(runs["go"], new)
    assert kinds(found) == {"newly failing": ["AUTH-001"], "no longer run": ["RECALL-001"], "no longer planned": ["AUDIT-001"]}
    for render in FORMATS.values():
        page = render(found)
        assert all(name in page for name in ("AUTH-001", "RECALL-001", "AUDIT-001"))
    document: dict[str, Any] = json.loads(FORMATS["json"](found))
    assert document["regression"] is True
    assert [change["kind"] for change in document["changes"]] == ["newly_failing", "no_longer_run", "no_longer_planned"]
    assert document["new"]["verdict"] == Verdict.NO_GO


def test_the_html_page_needs_nothing_from_outside(runs: dict[str, RunRecord]) -> None:
    page = FORMATS["html"](compare(runs["go"], later(runs["no-go"])))
    assert "default-src 'none'" in page
    assert "src=" not in page.replace("default-src", "").replace("style-src", "")
    assert "href=" not in page
    assert "<script" not in page


def test_the_text_page_is_80_columns_wide(runs: dict[str, RunRecord]) -> None:
    assert all(len(line) <= 80 for line in FORMATS["text"](compare(runs["go"], later(runs["no-go"]))).splitlines())
