"""Drills of the go-live acceptance that need steps: process log ingest, automation."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gate.api import Database, Inconclusive, Observation, Safety, drill, must_answer, pick, require


@dataclass
class Ingest:
    """One process value within its limits: the answers before, to, and after it."""

    before: Observation | None
    log: Observation
    after: Observation | None
    timeline: Observation | None = None


@drill()
def ccp_ingest(run, t):
    """Alerts before, the log, then alerts and timeline."""
    ccp = t.profile.ccp
    alerts = [t.get(ccp.alerts_path, ccp.alerts_identity)] if ccp.alerts_path else []
    before = run.send_each(alerts)
    log = run.send(t.post(ccp.path, ccp.identity, json=ccp.body, safety=Safety.DRILL))
    timeline = []
    if t.profile.has("ccp_timeline"):
        timeline.append(t.get(t.profile.ccp_timeline.path, t.profile.ccp_timeline.identity, note="after the log"))
    after = run.send_each([*alerts, *timeline])
    return Ingest(before[0] if alerts else None, log, after[0] if alerts else None, after[-1] if timeline else None)


@drill()
def scored(run, t):
    """The batch's risk, scored once."""
    score = t.profile.score
    body = {"json": score.body} if score.body is not None else {}
    return run.send(t.post(score.path, score.identity, safety=Safety.DRILL, **body))


@drill()
def anomalies(run, t):
    """One run of the anomaly detection."""
    rules = t.profile.anomalies
    return run.send(t.post(rules.path, rules.identity, json=rules.body, safety=Safety.DRILL))


@dataclass
class Automation:
    """One triggered daily cycle: the trigger's answer, the lists of runs while it settled, and what the service said once it had.

    `before` and `after` are the lists of runs on both sides of status and KPIs, so that a cycle of somebody else's shows.
    """

    trigger: Observation
    polls: list[Observation]
    run: dict[str, Any] | None
    run_id: str
    status: Observation | None = None
    kpi: Observation | None = None
    stored: list[Any] = field(default_factory=list)
    after: Observation | None = None

    @property
    def before(self):
        """The list of runs in which the triggered one has ended."""
        return self.polls[-1]

    @property
    def observations(self):
        """Everything that was seen until the run had ended."""
        return [self.trigger, *self.polls]


def looks(seconds, pause=0.25):
    """Comes back for each look, after pauses that grow, until that time is over; `pause` is the first one."""
    end = time.monotonic() + seconds
    while True:
        time.sleep(min(pause, max(0.0, end - time.monotonic())))
        yield
        if time.monotonic() >= end:
            return
        pause = min(max(pause, 0.1) * 1.6, 5.0)


def runs_in(seen, rules):
    """The runs in a list of runs."""
    rows = pick(rules.runs_field, must_answer(seen).json())
    require(isinstance(rows, list) and all(isinstance(row, dict) for row in rows), f"a list at '{rules.runs_field}'", f"{rows!r:.60}")
    return rows


def ended(run, rules):
    """Whether a run is over, for better or worse."""
    return pick(rules.status_field, run) not in ("running", "queued", "pending", None)


@drill()
def automation(run, t):
    """Trigger the daily cycle, wait, within the profile's time, until the service lists that run as ended; then status and KPIs."""
    rules = t.profile.automation
    listed = t.get(rules.runs, rules.read_identity)
    with run.writing():
        trigger = begun(run, t, rules)
        run_id = str(pick(rules.run_id_field, must_answer(trigger, [200, 201, 202]).json()))
        found = Automation(trigger, [], None, run_id)
        for _ in looks(rules.settle_seconds, 0.0):
            found.polls += run.send_each([listed])
            found.run = next((row for row in runs_in(found.before, rules) if str(pick(rules.run_id_field, row)) == run_id), None)
            if found.run and ended(found.run, rules):
                break
    look(run, t, found)
    (found.after,) = run.send_each([listed])
    return found


def begun(run, t, rules):
    """The trigger's answer. Where it was skipped because a cycle runs already, that one is waited for and the trigger sent once more."""
    probe = t.post(rules.trigger, rules.identity, safety=Safety.DRILL, deadline=float(rules.settle_seconds))
    trigger = run.send(probe)
    if not skipped(trigger, rules):
        return trigger
    for _ in looks(rules.settle_seconds, 0.5):
        (listed,) = run.send_each([t.get(rules.runs, rules.read_identity, note="another cycle runs")])
        if all(ended(row, rules) for row in runs_in(listed, rules)):
            break
    trigger = run.send(probe)
    if skipped(trigger, rules):
        raise Inconclusive("another cycle was running, and the next one was skipped too: run the gate when none is due")
    return trigger


def skipped(trigger, rules):
    """Whether the service says that it started nothing, because a cycle is running."""
    body = trigger.json() if trigger.response is not None and trigger.response.status in (200, 202, 409) else None
    return isinstance(body, dict) and pick(rules.status_field, body) == (rules.skipped or "skipped")


def look(run, t, found):
    """Read status and KPIs; the stored KPIs too, before and after, where the database can be asked."""
    rules, kpi = t.profile.automation, t.profile.kpi if t.profile.has("kpi") else None
    stored = Stored(t) if kpi else None
    if stored:
        stored.take()
    kpis = [t.get(kpi.path, kpi.identity)] if kpi else []
    found.status, *seen = run.send_each([t.get(rules.status, rules.read_identity), *kpis])
    if stored:
        stored.take()
        found.kpi, found.stored = seen[0], stored.seen


class Stored:
    """What the database holds as the KPIs of the newest day; an Inconclusive in the place of what it did not answer."""

    def __init__(self, t):
        self.seen: list[Any] = []
        self.url, self.sql = t.settings.database_url, t.truth("kpi")

    def take(self):
        """Ask now, where there is a database."""
        try:
            if self.sql:
                self.seen.append(Database(self.url).query(self.sql))
        except Inconclusive as error:
            self.seen.append(error)


@drill()
def spoofed_automation(run, t, automation):
    """Trigger the background form in somebody else's name, then wait until its run has ended."""
    rules = t.profile.automation
    actor = f"gate-spoof-{t.run_id}"
    known = {str(pick(rules.run_id_field, row)) for row in runs_in(automation.after, rules)}
    probe = t.post(rules.trigger_async, rules.identity, query={rules.spoof_query: actor}, safety=Safety.DRILL, note="in another's name")
    polls = []
    with run.writing():
        trigger = run.send(probe)
        for _ in looks(rules.settle_seconds):
            polls += run.send_each([t.get(rules.runs, rules.read_identity, note="after the spoofed trigger")])
            fresh = [row for row in runs_in(polls[-1], rules) if str(pick(rules.run_id_field, row)) not in known]
            if (fresh and all(ended(row, rules) for row in fresh)) or trigger.response is None or trigger.response.status >= 400:
                break
    return actor, trigger, polls, known


@pytest.fixture(scope="session")
def user(run, t):
    """`user(name)`: the id by which the service knows an identity, by its own word."""

    def known(name):
        found = pick(t.profile.auth.user_field, must_answer(run.send(t.get(t.profile.auth.whoami, name))).json())
        require(isinstance(found, str) and bool(found), f"a user id for {name}", f"{found!r:.60}")
        return found

    return known


def moment(value):
    """A time as a moment; None if it is none. Without an offset it is taken as UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def server_time(seen):
    """The service's clock when it answered, to the second; the gate's own where the answer has no date."""
    try:
        return parsedate_to_datetime(seen.answer.header("date") or "").astimezone(UTC)
    except (ValueError, TypeError):
        return moment(seen.started_at) + timedelta(seconds=seen.timing.total)


def number(value):
    """A number, or text that is one, as a finite Decimal; None for anything else."""
    try:
        found = None if isinstance(value, bool) or value is None else Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


@pytest.fixture(scope="session")
def tools():
    """What several files of this suite read answers with."""
    return SimpleNamespace(moment=moment, server_time=server_time, number=number, runs_in=runs_in, ended=ended)
