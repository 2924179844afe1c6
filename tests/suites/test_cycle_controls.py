"""The controls of the daily cycle, the KPIs and the dashboard can fail: right answers first, then the same with one thing wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gate.model import Inconclusive, Unmet
from tests.suites.drills import DATE, TOOLS, T, acceptance, refuted, suite
from tests.suites.made_up import nothing, saw

RUN = {
    "run_id": "one", "status": "completed", "actor_id": "gate-ops", "error_message": None, "started_at": "2026-11-24T21:00:09+00:00",
    "completed_at": "2026-11-24T21:00:10+00:00", "summary": {"supplier_risk_coverage_pct": 66.67, "quality_deviation_rate": 0.2},
}  # fmt: skip
DAY = {"kpi_date": "2026-11-24", "supplier_risk_coverage_pct": "66.67", "quality_deviation_rate": "0.2000"}


def cycle(run: dict[str, Any] | None = None, *others: dict[str, Any], days: Any = (DAY,), status: Any = None, stored: Any = ()) -> Any:
    own = RUN | (run or {})
    rows = saw({"rows": [own, *others]}, 200, DATE)
    trigger, said = saw(own, 200, DATE), status or {"daily_cycle_running": False, "running_run": None, "last_run": own}
    return acceptance.Automation(trigger, [rows], own, own["run_id"], saw(said), saw({"rows": list(days)}, 200, DATE), list(stored), rows)


CYCLES: dict[str, list[Any]] = {
    "test_run_is_new": [
        cycle({"started_at": "2026-11-23T21:00:09+00:00"}), cycle({"completed_at": "2026-11-24T22:00:00+00:00"}),
        cycle({"completed_at": None}),
    ],
    "test_run_is_complete": [cycle({"summary": {}}), cycle({"summary": None}), cycle({"error_message": "KeyError"})],
    "test_run_names_its_user": [cycle({"actor_id": "system"}), cycle({"actor_id": None})],
    "test_one_run": [cycle({}, {**RUN, "run_id": "two"}), cycle({}, RUN), cycle({"started_at": None})],
    "test_automation_status": [
        cycle(status={"daily_cycle_running": True, "running_run": None, "last_run": RUN}),
        cycle(status={"daily_cycle_running": True, "running_run": RUN, "last_run": RUN}),
        cycle(status={"daily_cycle_running": False, "running_run": RUN, "last_run": RUN}),
        cycle(status={"daily_cycle_running": False, "running_run": None, "last_run": {**RUN, "run_id": "old"}}),
        cycle(status={"daily_cycle_running": False, "last_run": None}),
    ],
    "test_kpi_is_of_the_cycle": [
        cycle(days=[{**DAY, "supplier_risk_coverage_pct": "60.00"}]), cycle(days=[{**DAY, "kpi_date": "2026-11-20"}]), cycle(days=[]),
        cycle(days=[{**DAY, "quality_deviation_rate": None}]),
    ],
    "test_kpi_days": [
        cycle(days=[DAY, DAY]), cycle(days=[{**DAY, "kpi_date": "2026-11-23"}, DAY]), cycle(days=[{**DAY, "kpi_date": "2026-11-26"}]),
        cycle(days=[{**DAY, "kpi_date": None}]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", CYCLES)
def test_a_cycle_that_is_wrong_is_seen(check: str) -> None:
    name = "test_kpi" if "kpi" in check else "test_automation"
    judge = getattr(suite(f"acceptance/{name}"), check)
    known = {"measured": nothing, "t": T, "tools": TOOLS, "user": lambda _: "gate-ops"}
    arguments = {key: value for key, value in known.items() if key in judge.__code__.co_varnames[: judge.__code__.co_argcount]}
    judge(automation=cycle(), **arguments)
    passed = [number for number, wrong in enumerate(CYCLES[check]) if not refuted(lambda wrong=wrong: judge(automation=wrong, **arguments))]
    assert passed == []


def test_somebody_elses_cycle_is_no_fault() -> None:
    younger = {
        **RUN,
        "run_id": "two",
        "actor_id": "cron",
        "status": "running",
        "started_at": "2026-11-24T21:00:12+00:00",
        "completed_at": None,
    }
    status = {"daily_cycle_running": True, "running_run": younger, "last_run": RUN}
    module = suite("acceptance/test_automation")
    module.test_automation_status(cycle({}, younger, status=status), nothing, T, TOOLS)
    module.test_one_run(cycle({}, younger), nothing, T, TOOLS)
    done = {**younger, "status": "completed", "summary": {"supplier_risk_coverage_pct": 70}}
    kpis = suite("acceptance/test_kpi")
    kpis.test_kpi_is_of_the_cycle(cycle({}, done, days=[{**DAY, "supplier_risk_coverage_pct": "70.00"}]), nothing, T, TOOLS)
    with pytest.raises(Inconclusive):
        kpis.test_kpi_is_of_the_cycle(cycle({}, younger, days=[{**DAY, "supplier_risk_coverage_pct": "70.00"}]), nothing, T, TOOLS)


def test_kpis_that_are_not_the_stored_ones_are_seen() -> None:
    fields = dict.fromkeys((*T.profile.kpi.percent_fields, *T.profile.kpi.number_fields), "1.00")
    row = [(datetime(2026, 11, 24, tzinfo=UTC).date(), str(dict.fromkeys(fields, 1.0)).replace("'", '"'))]
    check = suite("acceptance/test_kpi").test_kpi_is_true
    day = {"kpi_date": "2026-11-24", **fields}
    check(cycle(days=[day], stored=[row, row]), nothing, T, TOOLS)
    for days, stored in (
        ([{**day, "quality_deviation_rate": "2"}], [row, row]),
        ([day], []),
        ([{**day, "kpi_date": "2026-11-23"}], [row, row]),
    ):
        with pytest.raises(Unmet):
            check(cycle(days=days, stored=stored), nothing, T, TOOLS)
    with pytest.raises(Inconclusive):
        check(cycle(days=[day], stored=[row, Inconclusive("no answer")]), nothing, T, TOOLS)


@pytest.mark.parametrize(
    "body", [{}, {"open_alerts": -1}, {"batches": 1.5}, {"batches": "-3"}, {"inner": {"x": [1, {"y": -2}]}}, {"batches": "many"}]
)
def test_a_dashboard_that_is_wrong_is_seen(body: Any) -> None:
    check = suite("acceptance/test_kpi").test_dashboard
    check(saw({"batches": 5, "coverage_pct": 33.3, "last": "2026-11-24T21:00:00Z"}), T, TOOLS)
    with pytest.raises(Unmet):
        check(saw(body), T, TOOLS)
