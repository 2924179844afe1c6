"""What `gate load` runs inside Locust: arrivals on a fixed schedule, each in a greenlet of its own, counted from when it was due.

Run by the gate alone (gate/load), which sets GATE_LOAD_PLAN, GATE_LOAD_OUT and a GATE_LOAD_TOKEN_<IDENTITY> for each identity.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import gevent
import gevent.os
import locust.runners
from gevent.pool import Pool
from locust import FastHttpUser, events, task

sys.path.insert(0, str(Path(__file__).resolve().parent))  # perf/ is no package, and Locust loads this file from anywhere
from finish import STOP, Collector
from recorder import Recorder
from schedule import Arrival, arrivals
from session import Session
from watchdog import Watchdog

locust.runners.WORKER_REPORT_INTERVAL = 1.0
PREFIX = "GATE_LOAD_TOKEN_"
EARLY = 0.0015  # seconds
PLAN: dict[str, Any] = json.loads(Path(os.environ["GATE_LOAD_PLAN"]).read_text(encoding="utf-8"))
OUT = Path(os.environ["GATE_LOAD_OUT"])
# A worker with another schedule belongs to another run.
SCHEDULE = hashlib.sha256(json.dumps([PLAN[key] for key in ("steps", "journeys", "seed", "workers")], sort_keys=True).encode()).hexdigest()
# Out of the environment before anything is logged: what is not there cannot be shown.
TOKENS = {name.removeprefix(PREFIX).lower(): os.environ.pop(name) for name in [*os.environ] if name.startswith(PREFIX)}


class Arrivals(FastHttpUser):
    """The one user of a worker: sends the worker's share of the schedule and never waits for an answer before the next one is due."""

    host = PLAN["base_url"]
    insecure = False

    def on_start(self) -> None:
        """A client of its own for each identity: no cookies are shared."""
        self.sessions = {name: Session(PLAN, token, self.environment.events.request) for name, token in TOKENS.items()}
        self.pool = Pool(PLAN["max_in_flight"])

    @task
    def send(self) -> None:
        """The whole schedule, once."""
        state: State = self.environment.gate  # type: ignore[attr-defined]  # set in `on_init`
        begun = perf_counter()
        for arrival in arrivals(PLAN, state.worker(), PLAN["workers"]):
            ahead = begun + arrival.due - perf_counter()
            if ahead > 0 or self.pool.full():  # what is overdue leaves at once; a turn for others costs as much as a request
                gevent.sleep(max(ahead - EARLY, 0))
            while perf_counter() < begun + arrival.due:  # timers wake a millisecond late; everybody else has his turn meanwhile
                gevent.sleep(0)
            if state.aborted or arrival.due > PLAN["limits"]["seconds"]:
                break
            if self.pool.full():
                state.recorder.dropped()
                state.note(arrival, None, None, 0, "dropped")
                continue
            self.pool.spawn(self._one, arrival, begun + arrival.due, state)
        self.pool.join(PLAN["timeout_seconds"] + 2)
        state.finished = True
        while True:
            gevent.sleep(60)

    def _one(self, arrival: Arrival, due: float, state: State) -> None:
        sent = perf_counter()
        state.recorder.due(arrival.due, sent - due)
        status, failure = self._ask(arrival, due)
        done = perf_counter()
        state.recorder.done(arrival.request["name"], arrival.due, done - due, done - sent, status, failure)
        state.note(arrival, sent - due + arrival.due, done - due + arrival.due, status, failure)
        state.aborted = state.aborted or state.watchdog.saw(status, failure)

    def _ask(self, arrival: Arrival, due: float) -> tuple[int, str]:
        """Send it; its status (0 without one) and what was wrong with it. Locust is told the time since it was due."""
        request = arrival.request
        with self.sessions[arrival.identity].request(
            request["method"],
            request["path"],
            name=request["name"],
            json=request["body"],
            headers={"Accept-Encoding": "identity", "X-Request-ID": f"{PLAN['run_id']}-load-{arrival.index}"},
            catch_response=True,
        ) as answer:
            failure = answer.wrong or ("" if answer.status_code in request["expect"] else f"http {answer.status_code}")
            answer.request_meta.update(response_time=(perf_counter() - due) * 1000, response_length=answer.size)
            answer.failure(failure) if failure else answer.success()
            return answer.status_code, failure


class State:
    """What one process knows: a worker's own records, or, on the master, everybody's."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.recorder = Recorder()
        self.watchdog = Watchdog(PLAN["abort"])
        self.aborted: str | None = None
        self.finished = False
        self.busiest = 0.0
        self._rows: Any = None

    def worker(self) -> int:
        """Which share of the schedule is this process's."""
        return max(int(getattr(self.environment.runner, "worker_index", 0)), 0)

    def note(self, arrival: Arrival, sent: float | None, done: float | None, status: int, failure: str) -> None:
        """A line of the worker's own list of arrivals."""
        if self._rows is None:
            self._file = (OUT / f"arrivals-w{self.worker()}.csv").open("w", encoding="utf-8", newline="", buffering=1 << 16)
            self._rows = csv.writer(self._file)
            self._rows.writerow(("index", "intended", "sent", "done", "name", "status", "failure"))
        times = (f"{arrival.due:.6f}", *("" if moment is None else f"{moment:.6f}" for moment in (sent, done)))
        self._rows.writerow((arrival.index, *times, arrival.request["name"], status or "", failure))

    def close(self) -> None:
        """Bring the list to the disk."""
        if self._rows is not None:
            self._file.flush()

    def watch_cpu(self) -> None:
        """The busiest second of this process."""
        wall, cpu = perf_counter(), process_time()
        while True:
            gevent.sleep(1)
            now, used = perf_counter(), process_time()
            self.busiest = max(self.busiest, (used - cpu) / (now - wall))
            wall, cpu = now, used

    def stopped(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - Locust's names
        """Another worker has seen a reason to stop."""
        self.aborted = self.aborted or str(msg.data)

    def report(self) -> dict[str, Any]:
        """Everything since the last report."""
        self.close()
        return {
            "records": self.recorder.take(),
            "aborted": self.aborted,
            "finished": self.finished,
            "cpu": self.busiest,
            "worker": self.worker(),
            "schedule": SCHEDULE,
        }


def _leave_with_gate(pipe: int) -> None:
    """Stop at once when the process that holds the other end of this pipe is gone: nobody would end the load any more."""
    os.set_blocking(pipe, False)
    gevent.os.nb_read(pipe, 1)
    os._exit(1)


if PIPE := os.environ.get("GATE_LOAD_ALIVE"):  # here and not in `on_init`: a worker gets there only when it has found its master
    gevent.spawn(_leave_with_gate, int(PIPE))
    os.register_at_fork(after_in_child=lambda: gevent.spawn(_leave_with_gate, int(PIPE)))


@events.init.add_listener
def on_init(environment: Any, **_: Any) -> None:
    """Every process keeps records; the one without workers below it, or the master, brings them together."""
    state = State(environment)
    environment.gate = state
    runner = environment.runner
    if not isinstance(runner, locust.runners.MasterRunner):
        gevent.spawn(state.watch_cpu)
    if isinstance(runner, locust.runners.WorkerRunner):
        environment.events.report_to_master.add_listener(lambda client_id, data: data.update(gate=state.report()))  # noqa: ARG005 - Locust's names
        runner.register_message(STOP, state.stopped)
        return
    collector = Collector(environment, PLAN, OUT, SCHEDULE)
    if isinstance(runner, locust.runners.MasterRunner):
        environment.events.worker_report.add_listener(lambda client_id, data: collector.take(client_id, data.get("gate")))
    else:
        gevent.spawn(collector.poll, state)
    environment.events.test_start.add_listener(lambda **_: gevent.spawn(collector.watch))
