"""Go-live acceptance: what people will do with the service on its first day, done once."""

from __future__ import annotations

from gate.api import Phase, control, equal, ids, must_answer, observe, pick, require


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
    known = observed["full"].status not in (400, 404, 422)
    require(known, f"the drill batch {t.settings.batch_code} (is BATCH_CODE right for this service?)", f"HTTP {observed['full'].status}")
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
        wanted = t.profile.ccp.alerts_status
        others = [row for row in alerts(ccp_ingest.after) if wanted and isinstance(row, dict) and row.get("status", wanted) != wanted]
        require(not others, f"alerts that are {wanted}, as asked for", f"{len(others)} others, first {others[:1]!r:.160}")


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
    covers=("T1", "S1", "Z6"),
    why="Inspections are planned by it.",
    mend="See the service's log.",
)
def test_score(scored, measured, t, tools):
    measured([scored])
    score = t.profile.score
    answer = must_answer(scored, score.accepted_status).json()
    require(isinstance(answer, dict) and bool(answer), "an object with the score", f"{answer!r:.60}")
    require(not answer.get("error"), "no error in an answer that says success", f"{answer.get('error')!r:.120}")
    if score.score_field:
        value = tools.number(pick(score.score_field, answer))
        require(value is not None and 0 <= value <= 100, "a score from 0 to 100", f"{pick(score.score_field, answer)!r:.40}")


@control(
    "ACC-007",
    "Anomaly detection runs",
    severity="medium",
    criterion="gate",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["checklist 8"],
    feature="anomalies",
    covers=("T1", "S1"),
    why="Slow drifts that stay within limits would go unseen.",
    mend="See the service's log.",
)
def test_anomalies(anomalies, measured, t):
    measured([anomalies])
    answer = must_answer(anomalies, t.profile.anomalies.accepted_status).json()
    require(isinstance(answer, dict) and bool(answer), "an object that tells of the run", f"{answer!r:.60}")
    require(not answer.get("error"), "no error in an answer that says success", f"{answer.get('error')!r:.120}")
