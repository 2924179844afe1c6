"""Brings the workers' records together, decides when the run is over, and writes `raw.json`."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import locust
from recorder import Recorder
from schedule import total

STOP = "gate-stop"  # the master's message to its workers
GRACE = 6.0  # seconds after the last answer can have come: three reports of a worker, and then some


class Collector:
    """On the master, or on the only process."""

    def __init__(self, environment: Any, plan: dict[str, Any], out: Path, schedule: str) -> None:
        self._environment, self._plan, self._out, self._schedule = environment, plan, out, schedule
        self._merged = Recorder()
        self._workers: dict[str, dict[str, Any]] = {}
        self._scheduled = total(plan["steps"])
        self._begun_at = ""
        self._written = False

    def take(self, client: str, report: dict[str, Any] | None) -> None:
        """A worker's report; one of another run's, which joined the wrong master, is passed over."""
        if report is None or report["schedule"] != self._schedule:
            return
        self._merged.add(report.pop("records"))
        self._workers[client] = report

    def poll(self, state: Any) -> None:
        """The same of the only process, which reports to itself."""
        while True:
            gevent.sleep(0.1)
            self.take("local", state.report())

    def watch(self) -> None:
        """Until everything has come, or cannot come any more; then write and quit."""
        self._begun_at = _now()
        begun = monotonic()
        seconds = min(sum(step["seconds"] for step in self._plan["steps"]), self._plan["limits"]["seconds"])
        latest = begun + seconds + self._plan["timeout_seconds"] + GRACE
        stopping = None
        while monotonic() < latest and not self._complete():
            gevent.sleep(0.05)
            if stopping is None and (reason := self._aborted()):
                stopping = monotonic() + self._plan["timeout_seconds"] + GRACE
                latest = min(latest, stopping)
                self._stop_all(reason)
        self._write(monotonic() - begun)
        self._environment.runner.quit()

    def _aborted(self) -> str | None:
        return next((report["aborted"] for report in self._workers.values() if report["aborted"]), None)

    def _stop_all(self, reason: str) -> None:
        """One worker has seen that the target has had enough: the others stop, too."""
        runner = self._environment.runner
        if isinstance(runner, locust.runners.MasterRunner):
            runner.send_message(STOP, reason)

    def _complete(self) -> bool:
        """Whether nothing can come any more: a worker reports that it has finished together with the last of its records."""
        lost = self._lost()
        if len(self._workers.keys() | lost) < self._plan["workers"]:
            return False
        if lost:
            return all(report["finished"] for client, report in self._workers.items() if client not in lost)
        return (
            all(report["finished"] for report in self._workers.values()) and self._merged.counts["completed"] == self._merged.counts["sent"]
        )

    def _lost(self) -> set[str]:
        """The workers that the master has not heard of for some seconds."""
        runner = self._environment.runner
        return {client.id for client in runner.clients.missing} if isinstance(runner, locust.runners.MasterRunner) else set()

    def _missing(self) -> int:
        runner = self._environment.runner
        if not isinstance(runner, locust.runners.MasterRunner):
            return 0
        alive = [client for client in runner.clients.all if client.state != locust.runners.STATE_MISSING]
        return max(self._plan["workers"] - len(alive), 0)

    def _write(self, seconds: float) -> None:
        counts, merged, reports = self._merged.counts, self._merged, list(self._workers.values())
        late = merged.late
        data = {
            "schema_version": 1,
            "run_id": self._plan["run_id"],
            "scheduled": self._scheduled,
            **{name: counts[name] for name in ("sent", "completed", "dropped")},
            "unfinished": counts["sent"] - counts["completed"],
            "aborted": self._aborted(),
            "workers": {"expected": self._plan["workers"], "seen": len(reports), "missing": self._missing()},
            "started_at": self._begun_at,
            "finished_at": _now(),
            "seconds": round(seconds, 3),
            "names": {name: kept.data() for name, kept in sorted(merged.names.items())},
            "generator": {
                "cpu_max": round(max((report["cpu"] for report in reports), default=0.0), 3),
                "late_p99_ms": late.get_value_at_percentile(99) / 1000 if late.get_total_count() else 0,
                "late_max_ms": late.get_max_value() / 1000 if late.get_total_count() else 0,
            },
            "locust_total": self._environment.stats.total.num_requests,
            "series": merged.series(),
            "versions": {"locust": locust.__version__, "gevent": gevent.__version__, "python": platform.python_version()},
        }
        temporary = self._out / ".raw.json.partial"
        temporary.write_text(json.dumps(data, sort_keys=True), encoding="utf-8")
        temporary.rename(self._out / "raw.json")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
