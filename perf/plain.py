"""Locust as it comes, to be compared with: users that send the next request when the last one has been answered.

Run by perf/bench_load.py, which sets BENCH_USER to "http", "fast", "fast-histogram" or "paced", and for the last one BENCH_PACE, the
requests a second of a user.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from locust import FastHttpUser, HttpUser, constant_throughput, events, task

sys.path.insert(0, str(Path(__file__).resolve().parent))  # as in locustfile.py
from recorder import histogram

KIND = os.environ["BENCH_USER"]


class Plain(HttpUser if KIND == "http" else FastHttpUser):  # type: ignore[misc]  # which one is decided when it starts
    """One user."""

    if KIND == "paced":
        wait_time = constant_throughput(float(os.environ["BENCH_PACE"]))

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/x")


if KIND == "fast-histogram":
    kept = histogram()

    @events.request.add_listener
    def keep(response_time: float, **_: Any) -> None:
        """What anybody who wants exact percentiles must do."""
        kept.record_value(round(response_time * 1000))
