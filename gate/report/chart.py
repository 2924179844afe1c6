"""A trend over runs, as the places of its marks in an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gate.model import Verdict

if TYPE_CHECKING:
    from gate.report.index import Entry

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 150, 44, 14, 14, 26
MOST = 60  # runs: more would not be told apart
# The verdict is told by shape as well as by colour.
MARKS = {
    Verdict.GO: ("good", "M{x:.1f} {y:.1f}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"),
    Verdict.NO_GO: ("bad", "M{x:.1f} {y:.1f}m-4.5 -4.5h9v9h-9z"),
    Verdict.INCONCLUSIVE: ("open", "M{x:.1f} {y:.1f}m0 -6l5.5 10h-11z"),
}


def trend(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Recall seconds of the last runs, the oldest first; None where fewer than two are known."""
    known = [(item, item.verdict, item.seconds) for item in entries if item.verdict is not None and item.seconds is not None][-MOST:]
    if len(known) < 2:
        return None
    limit = known[-1][0].limit
    longest = max(seconds for _, _, seconds in known)
    # The limit belongs in the picture only where it does not press everything else flat.
    top = max(longest, limit) if limit and limit <= 20 * longest else longest or 1.0
    step = (WIDTH - LEFT - RIGHT) / (len(known) - 1)
    places = [(LEFT + number * step, _height(seconds, top)) for number, (_, _, seconds) in enumerate(known)]
    marks = [_mark(item, verdict, seconds, place) for (item, verdict, seconds), place in zip(known, places, strict=True)]
    return {
        "marks": marks,
        "line": " ".join(f"{x:.1f},{y:.1f}" for x, y in places),
        "limit": f"{_height(limit, top):.1f}" if limit and limit <= top else "",
        "limit_text": f"{limit:g} s" if limit else "",
        "top": f"{top:.3g} s",
        "first": known[0][0].started_at[:10],
        "last": known[-1][0].started_at[:10],
        "count": len(known),
    }


def _height(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _mark(item: Entry, verdict: Verdict, seconds: float, place: tuple[float, float]) -> dict[str, str]:
    kind, path = MARKS[verdict]
    return {"kind": kind, "path": path.format(x=place[0], y=place[1]), "text": f"{item.name}: {seconds:.3f} s, {verdict.value}"}
