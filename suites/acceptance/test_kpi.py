"""KPIs and dashboard: of today, plausible, in order, and what the cycle and the database say."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from gate.api import Inconclusive, Phase, control, must_answer, observe, pick, require

DRILL: dict[str, Any] = {"criterion": "gate", "phase": Phase.DRILLS, "refs": ["checklist 7"]}
FROZEN = "Frozen KPIs look like calm."
AHEAD = timedelta(hours=14)  # the service's day may begin this long before the day in UTC


@control(
    "ACC-010",
    "The KPIs of today are there after the daily cycle, and are plausible",
    severity="high",
    criterion="gate",
    phase=Phase.DRILLS,
    refs=["checklist 7"],
    feature="kpi,automation",
    covers=("Z1", "Z3", "Z6"),
    why="Frozen KPIs look like calm.",
    mend="Check the daily cycle's steps.",
)
def test_kpi_of_today(automation, measured, t, tools):
    measured([*automation.observations, automation.kpi])
    kpi = t.profile.kpi
    seen = automation.kpi
    rows = pick(kpi.rows_field, must_answer(seen).json())
    require(isinstance(rows, list) and bool(rows), f"rows at '{kpi.rows_field}'", f"{rows!r:.60}")
    today = days_of(automation, t, tools)
    latest = max(str(pick(kpi.date_field, row))[:10] for row in rows)
    require(latest in today, f"a row for {' or '.join(sorted(today))}", f"the newest is of {latest:.20}")
    row = next(row for row in rows if str(pick(kpi.date_field, row))[:10] == latest)
    for field in [*(kpi.percent_fields or []), *(kpi.number_fields or [])]:
        value = tools.number(pick(field, row))
        if field in (kpi.nullable_fields or []) and field in row and row[field] is None:
            continue
        require(value is not None and value >= 0, f"a number of 0 or more at '{field}'", f"{pick(field, row)!r:.40}")
        require(field not in (kpi.percent_fields or []) or value <= 100, f"at most 100 at '{field}'", f"{value}")


def days_of(automation, t, tools):
    """The day on which the KPIs were read: by the service's clock and by the gate's, in the zone in which the service's day begins."""
    zone = ZoneInfo(t.profile.kpi.time_zone or "UTC")
    return {at.astimezone(zone).date().isoformat() for at in (datetime.now(UTC), tools.server_time(automation.kpi))}


def kpi_rows(automation, t):
    rows = pick(t.profile.kpi.rows_field, must_answer(automation.kpi).json())
    require(isinstance(rows, list) and bool(rows), f"rows at '{t.profile.kpi.rows_field}'", f"{rows!r:.60}")
    return rows


def equal_kpi(one, other, tools):
    """Two values of one KPI, of which either may have been rounded on its way."""
    left, right = tools.number(one), tools.number(other)
    if left is None or right is None:
        return False
    return abs(left - right) <= Decimal("0.005" if max(abs(left), abs(right)) >= 1 else "0.00005")


@control(
    "ACC-018",
    "The KPIs of today are those that the cycle says it computed",
    severity="high",
    feature="kpi,automation",
    covers=("Z2",),
    why=FROZEN,
    mend="Read the row that the cycle has written, not a copy.",
    **DRILL,
)
def test_kpi_is_of_the_cycle(automation, measured, t, tools):
    measured([*automation.observations, automation.kpi, automation.after])
    kpi, rules = t.profile.kpi, t.profile.automation
    row = max(kpi_rows(automation, t), key=lambda item: str(pick(kpi.date_field, item)))
    fields = [*(kpi.percent_fields or []), *(kpi.number_fields or [])]
    runs = {
        str(pick(rules.run_id_field, item)): item for seen in (automation.before, automation.after) for item in tools.runs_in(seen, rules)
    }
    own = runs.get(automation.run_id, {})
    require(pick(rules.status_field, own) == rules.completed, "a completed run", f"{own!r:.120}")
    # A later cycle may have replaced the row; then it is the later one's figures that must stand there.
    later = [item for item in runs.values() if str(item.get("started_at")) > str(own.get("started_at"))]
    summaries = [pick(rules.summary_field or "summary", item) for item in (own, *later)]
    differ = [[name for name in fields if wrong(name, row, summary, tools)] for summary in summaries]
    if all(differ) and any(not tools.ended(item, rules) for item in later):
        raise Inconclusive("another cycle was running while the KPIs were read")
    day = str(pick(kpi.date_field, row))[:10]
    ran = {str(own.get("completed_at"))[:10], *days_of(automation, t, tools)}
    require(day in ran, "a row of the day on which the cycle ran", f"the newest is of {day}")
    require(not all(differ), "the run's own figures", f"other {', '.join(differ[0])}: {row!r:.160}")


def wrong(name, row, summary, tools):
    """Whether a KPI that both name differs."""
    there = summary.get(name) if isinstance(summary, dict) else None
    return there is not None and not equal_kpi(pick(name, row), there, tools)


@control(
    "ACC-019",
    "KPIs come by day, newest first, every day once and none from the future",
    severity="medium",
    feature="kpi,automation",
    covers=("Z7", "Z1"),
    why="A day that counts twice, or is missing, bends every trend.",
    mend="One row a day (a primary key), ordered by day.",
    **DRILL,
)
def test_kpi_days(automation, measured, t, tools):
    measured([automation.kpi])
    days = [str(pick(t.profile.kpi.date_field, row))[:10] for row in kpi_rows(automation, t)]
    for day in days:
        require(is_day(day), "a day in every row", f"{day!r:.40}")
    falling = all(one > other for one, other in pairwise(days))
    require(falling, "every day once, newest first", ", ".join(days[:8]))
    last = (tools.server_time(automation.kpi) + AHEAD).date().isoformat()
    require(days[0] <= last, f"no day after {last}", days[0])


def is_day(text):
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@control(
    "ACC-021",
    "The newest KPIs are those that the database holds",
    severity="high",
    feature="kpi,automation,database,truth",
    covers=("Z1", "Z2"),
    why=FROZEN,
    mend="Read the table itself, not a copy.",
    **DRILL,
)
def test_kpi_is_true(automation, measured, t, tools):
    measured([automation.kpi])
    kpi = t.profile.kpi
    row = max(kpi_rows(automation, t), key=lambda item: str(pick(kpi.date_field, item)))
    stored = automation.stored
    for item in stored:
        if isinstance(item, Inconclusive):
            raise item
    require(len(stored) == 2 and all(stored), "a row in the database", f"{stored!r:.120}")
    known = [(str(day), json.loads(text, parse_float=Decimal)) for ((day, text),) in stored]
    fields = [*(kpi.percent_fields or []), *(kpi.number_fields or [])]
    for day, values in known:
        same = [name in values and equal_kpi(pick(name, row), values[name], tools) for name in fields]
        if fields and all(same) and str(pick(kpi.date_field, row))[:10] == day:
            return
    if known[0] != known[1]:
        raise Inconclusive("the stored KPIs changed while they were read")
    require(False, f"{known[0][1]!r:.200}", f"{row!r:.200}")  # noqa: FBT003 - nothing fitted


@control(
    "ACC-020",
    "The dashboard's figures are plausible: whole numbers, none negative",
    severity="medium",
    criterion="gate",
    refs=["checklist 7"],
    feature="dashboard",
    covers=("Z6",),
    why="People decide by it on the first day, and stop looking once it has been wrong.",
    mend="Count in the database, and let an error be an error.",
)
@observe(lambda t: t.get(t.profile.dashboard.path, t.profile.dashboard.identity))
def test_dashboard(observed, t, tools):
    body = must_answer(observed).json()
    figures = {name: value for name, value in leaves(body) if isinstance(value, int | float) or tools.number(value) is not None}
    for name in t.profile.dashboard.counts or []:
        figures[name] = pick(name, body)
    require(bool(figures), "at least one figure", f"{body!r:.80}")
    for name, value in figures.items():
        found = tools.number(value)
        require(found is not None and found >= 0, f"a number of 0 or more at '{name}'", f"{value!r:.40}")
        whole = not name.endswith(FRACTIONS)
        require(not whole or found == found.to_integral_value(), f"a whole number at '{name}'", f"{value!r:.40}")


FRACTIONS = ("_pct", "_rate", "_ms", "_sec", "_seconds", "_hours", "score", "_qty", "_avg", "_ratio")


def leaves(value, name=""):
    """Every single value of an answer, with its name."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, name)
    else:
        yield name, value
