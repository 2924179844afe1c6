"""The daily cycle: it runs once, ends, tells the truth about itself, and status and list agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from gate.api import SUCCESS, Inconclusive, Phase, control, equal, must_answer, pick, require

DRILL: dict[str, Any] = {"criterion": "gate", "phase": Phase.DRILLS, "safety": "drill", "refs": ["checklist 6", "checklist 7"]}
SKEW = timedelta(seconds=5)


@control(
    "ACC-008",
    "A triggered daily cycle completes, and is listed as completed",
    severity="critical",
    feature="automation",
    covers=("Y1", "Y2", "Y3", "Y6"),
    why="KPIs, watchdog and compliance validation stand still unnoticed.",
    mend="See error_message of the run, and the watchdog.",
    **DRILL,
)
def test_automation_completes(automation, measured, t, tools):
    measured(automation.observations)
    rules = t.profile.automation
    answer = must_answer(automation.trigger, [200, 201, 202]).json()
    require(bool(pick(rules.run_id_field, answer)), "a run id from the trigger", f"{answer!r:.80}")
    require(automation.run is not None, "the run among the listed ones", "it is not listed")
    equal(pick(rules.status_field, automation.run), rules.completed, "the run's status")
    if automation.trigger.status == 200:
        equal(pick(rules.status_field, answer), rules.completed, "the status that the trigger reported")
        first = {str(pick(rules.run_id_field, row)): row for row in tools.runs_in(automation.polls[0], rules)}.get(automation.run_id, {})
        require(tools.ended(first, rules), "a run that the trigger calls completed to be listed as ended at once", f"{first!r:.160}")
    started, ended = tools.moment(automation.run.get("started_at")), tools.moment(automation.run.get("completed_at"))
    require(started is not None and ended is not None and started <= ended, "a start before its end", f"{started} and {ended}")


@control(
    "ACC-009",
    "The automation status tells of the last run, and does not call it running",
    severity="high",
    feature="automation",
    covers=("Y1", "Y2", "Y7"),
    why="The checks of the first 24 hours look here.",
    mend="Read the status from the runs themselves.",
    **DRILL,
)
def test_automation_status(automation, measured, t, tools):
    measured([*automation.observations, automation.status, automation.after])
    rules, body = t.profile.automation, must_answer(automation.status).json()
    running = pick(rules.running_field, body)
    require(isinstance(running, bool), f"true or false at '{rules.running_field}'", f"{running!r:.40}")
    last = pick(rules.last_run_field, body)
    require(isinstance(last, dict) and bool(pick(rules.run_id_field, last)), "the last run, after one has run", f"{last!r:.60}")
    # Somebody else may start a cycle at any time: then it is younger than ours, and listed.
    listed = {str(pick(rules.run_id_field, row)): row for row in tools.runs_in(automation.after, rules)}
    mine, others = listed.get(automation.run_id, {}), listed.keys() - {automation.run_id}
    began = tools.moment(mine.get("started_at"))
    younger = {key for key in others if began and (tools.moment(listed[key].get("started_at")) or began) > began}
    last_id = str(pick(rules.run_id_field, last))
    require(last_id in {automation.run_id, *younger}, f"the run {automation.run_id} as the last one, or a younger", f"{last!r:.160}")
    now = pick(rules.running_run_field or "running_run", body)
    require(running == isinstance(now, dict), "a running run where one is said to run, and only there", f"{running} and {now!r:.120}")
    if running:
        key = str(pick(rules.run_id_field, now))
        require(key in younger, "no run but a younger one to be running", f"{now!r:.160}")


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
    actor, trigger, polls, _ = spoofed_automation
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


def settled(automation):
    """The triggered run as it is listed, after it has ended."""
    for seen in automation.observations:
        must_answer(seen, [200, 201, 202])
    require(automation.run is not None, "the triggered run among the listed ones", "it is not listed")
    return automation.run


@control(
    "ACC-013",
    "The triggered run is a new one, and none of its times lies in the future",
    severity="high",
    feature="automation",
    covers=("Y4", "Y6"),
    why="An old run that passes for today's hides that nothing runs any more.",
    mend="Begin a run for each trigger; let the database set the times.",
    **DRILL,
)
def test_run_is_new(automation, measured, tools):
    measured(automation.observations)
    run = settled(automation)
    sent = tools.server_time(automation.trigger) - timedelta(seconds=automation.trigger.timing.total)
    now = tools.server_time(automation.before)
    for name in ("started_at", "completed_at"):
        at = tools.moment(run.get(name))
        require(at is not None, f"a time at '{name}'", f"{run.get(name)!r:.60}")
        require(at <= now + SKEW, f"'{name}' no later than {now.isoformat()}", at.isoformat())
        require(at >= sent - SKEW, f"'{name}' no earlier than the trigger ({sent.isoformat()})", at.isoformat())


@control(
    "ACC-015",
    "A run that completed says what it did, and tells of no error",
    severity="high",
    feature="automation",
    covers=("Y3", "Y9"),
    why="A cycle that failed half way would count as done.",
    mend="Set the run to failed where a step failed.",
    **DRILL,
)
def test_run_is_complete(automation, measured, t):
    measured(automation.observations)
    run, rules = settled(automation), t.profile.automation
    summary, error = pick(rules.summary_field or "summary", run), pick(rules.error_field or "error_message", run)
    require(summary not in (None, "", {}, []), "a summary of the run", f"{summary!r:.60}")
    require(not error, "no error of a completed run", f"{error!r:.160}")


@control(
    "ACC-016",
    "The run is recorded under the user who triggered it",
    severity="high",
    feature="automation,auth",
    covers=("Y8", "V4", "N4"),
    why="Nobody could say who started what.",
    mend="Take the actor from the token.",
    **DRILL,
)
def test_run_names_its_user(automation, user, measured, t):
    measured(automation.observations)
    rules = t.profile.automation
    equal(pick(rules.actor_field or "actor_id", settled(automation)), user(rules.identity), "the run's user")


@control(
    "ACC-017",
    "One trigger starts one run",
    severity="high",
    feature="automation",
    covers=("Y4",),
    why="Work that is done twice counts twice, in KPIs and in alerts.",
    mend="Let a unique index allow one running cycle, and do not retry within the service.",
    **DRILL,
)
def test_one_run(automation, measured, t, tools):
    measured([*automation.observations, automation.after])
    run, rules = settled(automation), t.profile.automation
    actor, began = pick(rules.actor_field or "actor_id", run), tools.moment(run.get("started_at"))
    require(began is not None, "a start of the run", f"{run.get('started_at')!r:.60}")
    # Whoever else uses this account now and then does not do so within the second around this trigger.
    around = timedelta(seconds=1 + automation.trigger.timing.total)
    rows = [row for seen in (automation.before, automation.after) for row in tools.runs_in(seen, rules)]
    for row in rows:
        at = tools.moment(row.get("started_at"))
        require(at is not None, "a start of every run", f"{row!r:.120}")
        same = str(pick(rules.run_id_field, row)) == automation.run_id
        twin = not same and pick(rules.actor_field or "actor_id", row) == actor and abs(at - began) <= around
        require(not twin, "no second run by the same user at the same time", f"{row!r:.160}")
    listed = [str(pick(rules.run_id_field, row)) for row in tools.runs_in(automation.after, rules)]
    equal(listed.count(automation.run_id), 1, "how often the run is listed")


@control(
    "ACC-014",
    "A run triggered in the background is listed, and ends",
    severity="high",
    feature="automation",
    covers=("Y2", "Y1"),
    why="The nightly cycle is started this way: queued and never run would be noticed in the morning.",
    mend="Check the worker that takes from the queue.",
    **DRILL,
)
def test_background_run_ends(automation, spoofed_automation, measured, t, tools):
    _, trigger, polls, known = spoofed_automation
    measured([automation.after, trigger, *polls])
    rules = t.profile.automation
    busy = [row for row in tools.runs_in(automation.after, rules) if not tools.ended(row, rules)]
    answer = must_answer(trigger, [*SUCCESS, 400, 403, 409, 422])
    if answer.status not in SUCCESS:
        raise Inconclusive(f"the trigger was refused with HTTP {answer.status}, perhaps for the claimed name: nothing was queued")
    for seen in polls:
        must_answer(seen)
    fresh = [row for row in tools.runs_in(polls[-1], rules) if str(pick(rules.run_id_field, row)) not in known]
    if not fresh and busy:
        raise Inconclusive("another cycle was running: the trigger was skipped")
    require(bool(fresh), f"a new run within {rules.settle_seconds:g} s", f"none in {len(polls)} looks")
    wrong = [row for row in fresh if pick(rules.status_field, row) != rules.completed]
    require(not wrong, f"the new run to be {rules.completed}", f"{wrong[:1]!r:.160}")
