"""Drills of the go-live acceptance that need steps: process log ingest, automation."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest

from gate.api import Observation, Safety, must_answer, pick


@dataclass
class Ingest:
    """One process value within its limits: the answers before, to, and after it."""

    before: Observation | None
    log: Observation
    after: Observation | None


@pytest.fixture(scope="session")
def ccp_ingest(run, t):
    """Alerts before, the log, alerts after."""
    ccp = t.profile.ccp
    alerts = t.get(ccp.alerts_path, ccp.alerts_identity, fresh=True) if ccp.alerts_path else None
    before = run.send(alerts) if alerts else None
    log = run.send(t.post(ccp.path, ccp.identity, json=ccp.body, safety=Safety.DRILL))
    return Ingest(before, log, run.send(alerts) if alerts else None)


@dataclass
class Automation:
    """One triggered daily cycle: the trigger's answer, the answers while it settled, and the run as the service lists it."""

    trigger: Observation
    polls: list[Observation]
    run: dict[str, Any] | None

    @property
    def observations(self):
        """Everything that was seen."""
        return [self.trigger, *self.polls]


@pytest.fixture(scope="session")
def automation(run, t):
    """Trigger the daily cycle and wait, within the profile's time, until the service lists that run as ended."""
    rules = t.profile.automation
    trigger = run.send(t.post(rules.trigger, rules.identity, safety=Safety.DRILL, deadline=float(rules.settle_seconds)))
    run_id = pick(rules.run_id_field, must_answer(trigger, [200, 201, 202]).json())
    end = time.monotonic() + rules.settle_seconds
    polls = []
    while True:
        polls.append(run.send(t.get(rules.runs, rules.read_identity, fresh=True)))
        rows = pick(rules.runs_field, must_answer(polls[-1]).json()) or []
        run = next((row for row in rows if isinstance(row, dict) and str(row.get("run_id")) == str(run_id)), None)
        if (run and pick(rules.status_field, run) not in ("running", "queued")) or time.monotonic() > end:
            return Automation(trigger, polls, run)
        time.sleep(0.2)


@pytest.fixture(scope="session")
def spoofed_automation(run, t, automation):  # noqa: ARG001 - one cycle at a time
    """Trigger the background form in somebody else's name, then wait until no cycle is running, so that the next drill is alone."""
    rules = t.profile.automation
    actor = f"gate-spoof-{t.run_id}"
    probe = t.post(rules.trigger_async, rules.identity, query={rules.spoof_query: actor}, safety=Safety.DRILL, note="in another's name")
    trigger = run.send(probe)
    polls = []
    end = time.monotonic() + rules.settle_seconds
    while time.monotonic() < end:
        polls.append(run.send(t.get(rules.status, rules.read_identity, fresh=True)))
        if pick(rules.running_field, must_answer(polls[-1]).json()) is not True:
            break
        time.sleep(0.2)
    runs = run.send(t.get(rules.runs, rules.read_identity, fresh=True, note="after the spoofed trigger"))
    return actor, trigger, [*polls, runs]
