"""The recall drill, timed by the gate's own client while Locust sends load: another process, another path, another budget."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any

from gate.decide.load_recall import RecallTimes
from gate.model import Safety
from gate.plugin.engine import Engine

BEFORE = 3  # recalls without load
PAUSE = 0.2  # seconds between two at least: people do not recall in a loop


class Recalls:
    """Times recalls before the load and while it lasts.

    Args:
        engine: sends them, keeps each in the ledger.
        number: how many while the load lasts.
    """

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine, self._number = engine, number
        self._without: list[float | None] = []
        self._under: list[float | None] = []

    @classmethod
    def of(cls, engine: Engine, load_profile: Mapping[str, Any]) -> Recalls | None:
        """For a load profile that has the gate time recalls (`recall = NUMBER`) of a target that has them; else None."""
        number = load_profile.get("recall")
        return cls(engine, number) if number and engine.settings.profile.has("recall") else None

    @property
    def times(self) -> RecallTimes:
        """What was measured so far."""
        return RecallTimes(tuple(self._without), tuple(self._under), float(self._engine.settings.profile.recall.limit_seconds))

    def before(self) -> None:
        """Without load."""
        for _ in range(BEFORE):
            self._without.append(self._one("without load"))

    def beside(self, seconds: float, ended: Event) -> None:
        """While the load lasts, which is so many seconds or until `ended`: spread over it, so that every part of it counts."""
        for _ in range(self._number):
            if ended.wait(max(PAUSE, 0.8 * seconds / self._number)):
                return
            taken = self._one("under load")
            if ended.is_set():
                return  # it may have been measured without
            self._under.append(taken)

    def _one(self, note: str) -> float | None:
        """Seconds from the first byte sent to the last received, with a connection of its own; None where it was not answered right."""
        t, recall = self._engine.target, self._engine.settings.profile.recall
        parts: dict[str, Any] = {"safety": Safety.DRILL, "deadline": recall.limit_seconds + 5.0, "fresh": True, "note": note}
        seen = self._engine.client.send(t.request(recall.method, recall.path, identity=recall.identity, json=t.fill(recall.body), **parts))
        return seen.timing.total if seen.response is not None and seen.response.status == 200 else None
