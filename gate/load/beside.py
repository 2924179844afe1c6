"""What the gate does itself while load is sent, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from gate.decide.load_recall import RecallTimes
from gate.model import LoadCheck, LoadJudgement, LoadResult

Beside = Callable[[float, Event], None]
LOOK = 0.05  # seconds between two looks whether the load has begun


@dataclass(frozen=True, slots=True)
class Around:
    """What else is done around a load run.

    `beside` is called meanwhile (`accompanied`), or nothing is. `times` is asked afterwards for the recalls that were timed so. `files`
    makes more files for the folder, of the result, its judgement and its comparison: name to text.
    """

    beside: Beside | None = None
    times: Callable[[], RecallTimes | None] = lambda: None
    files: Callable[[LoadResult, LoadJudgement, Sequence[LoadCheck]], Mapping[str, str]] = lambda *_: {}


@contextmanager
def accompanied(beside: Beside | None, seconds: float, folder: Path) -> Iterator[None]:
    """Inside the block load is sent; meanwhile, once the first request has ended, `beside(seconds, ended)` is called.

    When the block ends, `ended` is set, the call is waited for, and what it raised is raised. If the block itself raises, because of a
    signal above all, nobody waits.

    Args:
        beside: what to call, or None for nothing.
        seconds: of the schedule, which it is told.
        folder: where the generator lists its arrivals.
    """
    if beside is None:
        yield
        return
    ended, raised = Event(), []

    def accompany() -> None:
        while not any(folder.glob("arrivals-*.csv")):
            if ended.wait(LOOK):
                return
        try:
            beside(seconds, ended)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where somebody can see it
            raised.append(error)

    thread = Thread(target=accompany, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
    thread.join()
    for error in raised:
        raise error
