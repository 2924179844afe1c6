"""The load stage (perf/locustfile.py), but never more than `max_in_flight` at a time: an arrival for which there is no room waits.

Run by perf/bench_load.py alone, to find out how much the stage can send. Everything that the stage does with an arrival is done here too,
by the same code; only what it would drop is sent as soon as another has ended.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gevent.pool import Pool

sys.path.insert(0, str(Path(__file__).resolve().parent))  # as in locustfile.py
import locustfile


class Waiting(Pool):
    """A pool that is never full: it waits until it is not."""

    def full(self) -> bool:
        """No, after a while."""
        self.wait_available()
        return False


class Closed(locustfile.Arrivals):
    """The stage's user."""

    def on_start(self) -> None:
        """With the other pool."""
        super().on_start()
        self.pool = Waiting(locustfile.PLAN["max_in_flight"])
