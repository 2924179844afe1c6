"""Go-live acceptance: what people will do with the service on its first day, done once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime

from gate.api import Phase, Safety, control, equal, ids, must_answer, observe, pick, require


@control(
    "ACC-001",
    "The health check says that all is well",
    severity="critical",
    criterion="errors",
    refs=["checklist 3"],
    feature="health",
    covers=("T1",),
    why="Load balancers and operators rely on it.",
    mend="See the service's log.",
)
@observe(lambda t: t.get(t.profile.health.path))
def test_health(observed, t):
    body = must_answer(observed).json()
    for key, value in (t.profile.health.expect or {}).items():
        equal(pick(key, body), value, f"'{key}'")


@control(
    "ACC-002",
    "Every role can see who it is",
    severity="high",
    criterion="auth",
    refs=["checklist 4"],
    feature="auth",
    covers=("A2",),
    why="The first thing that anyone checks after a token rotation.",
    mend="Correct the token map.",
)
@observe(lambda t: {name: t.get(t.profile.auth.whoami, name) for name in t.profile.identities})
def test_whoami(observed, t):
    for name, seen in observed.items():
        body = must_answer(seen).json()
        require(bool(pick(t.profile.auth.user_field, body)), f"a user id for {name}", f"{pick(t.profile.auth.user_field, body)!r:.60}")


@control(
    "ACC-003",
    "A batch can be traced in full, forward and backward",
    severity="critical",
    criterion="recall",
    refs=["checklist 5.1"],
    feature="trace",
    covers=("X10",),
    why="Without a trace nobody knows which lots and customers a contamination reached.",
    mend="Check that the batch exists and that its material, lots and dispatches are recorded.",
)
@observe(
    lambda t: {
        "full": t.get(t.profile.trace.full, t.profile.trace.identity),
        "forward": t.get(t.profile.trace.forward, t.profile.trace.identity),
        "backward": t.get(t.profile.trace.backward, t.profile.trace.identity),
    }
)
def test_trace(observed, t):
    trace = t.profile.trace
    full = must_answer(observed["full"]).json()
    if trace.batch_field:
        equal(pick(trace.batch_field, full), t.settings.batch_code, f"'{trace.batch_field}'")
    sides = {
        "suppliers": (trace.suppliers, "backward"),
        "raw_material_lots": (trace.raw_material_lots, "backward"),
        "finished_lots": (trace.finished_lots, "forward"),
        "customers": (trace.customers, "forward"),
    }
    for name, (expressions, side) in sides.items():
        if expressions:
            whole, part = ids(expressions, full), ids(expressions, must_answer(observed[side]).json())
            require(bool(whole), f"at least one of {name} in the full trace", "none")
            require(whole == part, f"the same {name} in the {side} trace as in the full one", f"{len(whole ^ part)} differ")


@control(
    "ACC-004",
    "A batch is compared with its compliance limits",
    severity="high",
    criterion="gate",
    refs=["checklist 8"],
    feature="compliance",
    covers=("T1",),
    why="A batch outside its limits would be released unseen.",
    mend="Check that lab results and thresholds of the drill batch are loaded.",
)
@observe(lambda t: t.get(t.profile.compliance.path, t.profile.compliance.identity))
def test_compliance(observed, t):
    compliance, body = t.profile.compliance, must_answer(observed).json()
    if compliance.batch_field:
        equal(pick(compliance.batch_field, body), t.settings.batch_code, f"'{compliance.batch_field}'")
    rows = pick(compliance.rows_field, body)
    require(isinstance(rows, list) and bool(rows), f"rows at '{compliance.rows_field}'", f"{rows!r:.60}")
    if compliance.total_field:
        total = pick(compliance.total_field, body)
        require(
            isinstance(total, int) and not isinstance(total, bool) and total > 0, f"a count at '{compliance.total_field}'", f"{total!r:.40}"
        )


@control(
    "ACC-005",
    "A process value within its limits is taken in, and raises no alert",
    severity="high",
    criterion="gate",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 8"],
    feature="ccp",
    covers=("T1",),
    why="Lost process values break the hygiene record; false alerts teach people to ignore alerts.",
    mend="Check the limits of that control point, and the service's log.",
)
def test_ccp_ingest(ccp_ingest, measured, t):
    measured([seen for seen in (ccp_ingest.before, ccp_ingest.log, ccp_ingest.after) if seen])
    answer = must_answer(ccp_ingest.log, t.profile.ccp.accepted_status).json()
    require(isinstance(answer, dict), "an object that tells of the log", f"{answer!r:.60}")
    require(not answer.get("alert_id") and not answer.get("alert"), "no alert", f"{answer.get('alert_id') or answer.get('alert')!r:.80}")
    if ccp_ingest.after:
        known = {alert_id(row) for row in alerts(ccp_ingest.before)}
        fresh = [row for row in alerts(ccp_ingest.after) if alert_id(row) not in known]
        # Others may raise alerts meanwhile: only one that names this batch counts as ours.
        ours = [row for row in fresh if t.settings.batch_code in str(row) or t.marker in str(row)]
        require(not ours, "no new alert for the drill batch", f"{len(ours)}: {ours[:1]!r:.160}")


def alerts(seen):
    body = must_answer(seen).json()
    rows = (
        body
        if isinstance(body, list)
        else next((value for value in body.values() if isinstance(value, list)), None)
        if isinstance(body, dict)
        else None
    )
    require(isinstance(rows, list), "a list of alerts", f"{body!r:.60}")
    return rows


def alert_id(row):
    return str(row.get("alert_id", row)) if isinstance(row, dict) else str(row)


@control(
    "ACC-006",
    "A batch's risk can be scored",
    severity="medium",
    criterion="gate",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 8"],
    feature="score",
    covers=("T1",),
    why="Inspections are planned by it.",
    mend="See the service's log.",
)
def test_score(send, t):
    score = t.profile.score
    body = {"json": score.body} if score.body is not None else {}
    answer = must_answer(send(t.post(score.path, score.identity, safety=Safety.DRILL, **body)), score.accepted_status).json()
    require(isinstance(answer, dict) and bool(answer), "an object with the score", f"{answer!r:.60}")


@control(
    "ACC-007",
    "Anomaly detection runs",
    severity="medium",
    criterion="gate",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 8"],
    feature="anomalies",
    covers=("T1",),
    why="Slow drifts that stay within limits would go unseen.",
    mend="See the service's log.",
)
def test_anomalies(send, t):
    rules = t.profile.anomalies
    answer = must_answer(send(t.post(rules.path, rules.identity, json=rules.body, safety=Safety.DRILL)), rules.accepted_status).json()
    require(isinstance(answer, dict) and bool(answer), "an object that tells of the run", f"{answer!r:.60}")


@control(
    "ACC-008",
    "A triggered daily cycle completes, and is listed as completed",
    severity="critical",
    criterion="gate",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 6", "checklist 7"],
    feature="automation",
    covers=("Y2", "Y6"),
    why="KPIs, watchdog and compliance validation stand still unnoticed.",
    mend="See error_message of the run, and the watchdog.",
)
def test_automation_completes(automation, measured, t):
    measured(automation.observations)
    rules = t.profile.automation
    answer = must_answer(automation.trigger, [200, 201, 202]).json()
    require(bool(pick(rules.run_id_field, answer)), "a run id from the trigger", f"{answer!r:.80}")
    require(automation.run is not None, "the run among the listed ones", "it is not listed")
    equal(pick(rules.status_field, automation.run), rules.completed, "the run's status")
    if automation.trigger.status == 200:
        equal(pick(rules.status_field, answer), rules.completed, "the status that the trigger reported")
    started, ended = moment(automation.run.get("started_at")), moment(automation.run.get("completed_at"))
    require(started is not None and ended is not None and started <= ended, "a start before its end", f"{started} and {ended}")


def moment(text):
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@control(
    "ACC-009",
    "The automation status tells of the last run",
    severity="high",
    criterion="gate",
    phase=Phase.DRILLS,
    refs=["checklist 7"],
    feature="automation",
    covers=("Y2",),
    why="The checks of the first 24 hours look here.",
    mend="See the service's log.",
)
def test_automation_status(automation, send, measured, t):
    measured(automation.observations)
    rules = t.profile.automation
    body = must_answer(send(t.get(rules.status, rules.read_identity, fresh=True))).json()
    running = pick(rules.running_field, body)
    require(isinstance(running, bool), f"true or false at '{rules.running_field}'", f"{running!r:.40}")
    last = pick(rules.last_run_field, body)
    require(isinstance(last, dict) and bool(pick(rules.run_id_field, last)), "the last run, after one has run", f"{last!r:.60}")


@control(
    "ACC-010",
    "The KPIs of today are there after the daily cycle, and are plausible",
    severity="high",
    criterion="gate",
    phase=Phase.DRILLS,
    refs=["checklist 7"],
    feature="kpi,automation",
    covers=("Z1", "Z6"),
    why="Frozen KPIs look like calm.",
    mend="Check the daily cycle's steps.",
)
def test_kpi_of_today(automation, send, measured, t):
    measured(automation.observations)
    kpi = t.profile.kpi
    seen = send(t.get(kpi.path, kpi.identity, fresh=True))
    rows = pick(kpi.rows_field, must_answer(seen).json())
    require(isinstance(rows, list) and bool(rows), f"rows at '{kpi.rows_field}'", f"{rows!r:.60}")
    today = datetime.now(UTC).date().isoformat()
    latest = max(str(pick(kpi.date_field, row))[:10] for row in rows)
    require(latest == today or latest == server_date(seen), f"a row for {today}", f"the newest is of {latest:.20}")
    row = next(row for row in rows if str(pick(kpi.date_field, row))[:10] == latest)
    for field in [*(kpi.percent_fields or []), *(kpi.number_fields or [])]:
        value = number(pick(field, row))
        require(value is not None and value.is_finite() and value >= 0, f"a number of 0 or more at '{field}'", f"{pick(field, row)!r:.40}")
        require(field not in (kpi.percent_fields or []) or value <= 100, f"at most 100 at '{field}'", f"{value}")


def server_date(seen):
    try:
        return parsedate_to_datetime(seen.answer.header("date") or "").date().isoformat()
    except (ValueError, TypeError):
        return None


def number(value):
    if isinstance(value, bool) or value is None:
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


@control(
    "ACC-011",
    "A run started in the background is recorded under the caller, whoever he says he is",
    severity="medium",
    criterion="auth",
    basis="hardening",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["ASVS 5.0 8.3.3", "ASVS 5.0 16.2.1"],
    feature="automation",
    covers=("N2",),
    why="The audit trail would name the wrong person.",
    mend="Take the actor from the token and ignore actor_id.",
)
def test_actor_is_not_taken_on_trust(spoofed_automation, measured):
    actor, trigger, polls = spoofed_automation
    measured([trigger, *polls])
    for poll in polls:
        must_answer(poll)
    must_answer(trigger, [200, 201, 202, 400, 403, 409, 422])
    for seen in (trigger, polls[-1]):
        require(
            actor.encode() not in seen.answer.body,
            "the caller's own name",
            f"the claimed name {actor} in the answer to {seen.probe}",
            "bypass",
        )
