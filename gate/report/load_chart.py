"""A load run over time as one SVG picture that needs nothing else: latency above, requests and errors below.

It has no style and no script, only attributes, so that it may stand in a page whose policy allows neither. Text has the colour of the text
around it; lines differ by their dashes as well as by colour, and errors have a mark of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from gate.report.clean import folded, line
from gate.report.load_series import LINES, MOST_ROWS, Bin, Binned, binned
from gate.report.load_view import milliseconds

WIDTH, LEFT, RIGHT = 680, 58, 24
ABOVE = 8  # room over the title
PLOT = WIDTH - LEFT - RIGHT
TALL, LOW = 200, 80  # the heights of the two panels
LOG_FROM = 20.0  # times that the longest must be of the shortest: with less, a linear scale shows both, and differences truly
NARROWEST, WIDEST = 4.0, 24.0  # a bar; narrower ones stand side by side without a gap
BAR, ERROR = "#74859a", "#d7263d"  # these and those below are told from white and from the dark page alike
STROKES = {
    "p50": 'stroke="#1f7fc4" stroke-width="2"',
    "p95": 'stroke="#0a8f68" stroke-width="1.8" stroke-dasharray="7 3"',
    "p99": 'stroke="#d55e00" stroke-width="1.8" stroke-dasharray="3 3"',
    "max": 'stroke="currentColor" stroke-width="1.3" stroke-dasharray="1.5 3"',
}
NICE = [digit * 10.0**power for power in range(-3, 16) for digit in (1, 2, 5)]
SPANS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
UNITS = ((3600, "h", "Hours"), (60, "min", "Minutes"), (1, "s", "Seconds"))
NOTHING = "No second of the run can be shown."

Scale = Callable[[float], float]


def svg(series: object, *, title: str) -> str:
    """The picture, some 40 kB at most however long the run was; the same series gives the same bytes.

    Args:
        series: the list `LoadResult.series`. What is no list, and every row and number that cannot have been measured, is left out: a gap.
        title: its heading, cleaned and escaped here.
    """
    data = binned(series)
    named = escape(folded(line(title, 200), 84)[0])
    body, height = _drawn(data)
    box = f'width="{WIDTH}" height="{height}"'
    names = 'role="img" aria-labelledby="load-chart-title" aria-describedby="load-chart-desc"'
    font = 'fill="currentColor" font-size="12" font-family="system-ui, Liberation Sans, sans-serif"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} viewBox="0 {-ABOVE} {WIDTH} {height}" {names} {font}>',
        f'<title id="load-chart-title">{named}</title>',
        f'<desc id="load-chart-desc">{escape(_told(data))}</desc>',
        # The page's own back, or the reader's: a picture that is opened by itself has one too. Who knows neither draws none.
        f'<g fill="none"><rect y="{-ABOVE}" {box} fill="var(--back, Canvas)"/></g>',
        f'<text x="14" y="20" font-size="14" font-weight="700">{named}</text>',
    ]
    return "\n".join([*head, *body, "</svg>", ""])


def _drawn(data: Binned) -> tuple[list[str], int]:
    """Everything below the heading, and how high the whole is."""
    if not data.bins:
        return [_text(14, 46, NOTHING)], 64 + ABOVE
    notes = [part for note in _notes(data) for part in folded(note, 110)]
    top = 76 + 15 * len(notes)
    below = [_text(LEFT, 59 + 15 * place, note, small=True) for place, note in enumerate(notes)]
    return [*_legend(data), *below, *_latency(data, top), *_throughput(data, top + TALL + 38)], top + TALL + LOW + 104 + ABOVE


def _notes(data: Binned) -> list[str]:
    """What a reader has to know to read it rightly."""
    told = []
    if data.width > 1:
        told.append(
            f"Each point stands for {data.width} s: the median of their p50, of their p95 and of their p99, the greatest of their max, "
            "and averages of requests."
        )
    if data.lost:
        told.append(f"{data.lost} of the seconds cannot be shown.")
    if data.rest:
        told.append(f"Only the first {MOST_ROWS} seconds are shown, {data.rest} are not.")
    return told


def _told(data: Binned) -> str:
    """The picture in words."""
    if not data.bins:
        return NOTHING
    times = [f"{key} from {milliseconds(min(found))} to {milliseconds(max(found))} ms" for key in LINES if (found := _values(data, key))]
    rates = [item.rate for item in data.bins if item.rate is not None]
    said = [
        f"From second {data.first} to {data.last}.",
        f"Latency over time: {', '.join(times) or 'not known'}.",
        f"Completed requests: at most {max(rates):.3g} per second." if rates else "Completed requests: not known.",
        f"Errors: {_failed(data)}.",
    ]
    return " ".join([*said, *_notes(data)])


def _failed(data: Binned) -> str:
    if data.failed is None:
        return "not known"
    return f"{data.failed or 'none'}{(' in all' if data.failed else '') if data.sure else ' known'}"


def _values(data: Binned, key: str) -> list[float]:
    return [item.times[key] for item in data.bins if key in item.times]


def _text(x: float, y: float, text: str, *, small: bool = False, anchor: str = "") -> str:
    more = (' font-size="11"' if small else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.5g}" y="{y:.5g}"{more}>{escape(text)}</text>'


def _legend(data: Binned) -> Iterator[str]:
    words = {key: key for key in LINES} if data.width == 1 else {key: f"{'greatest' if key == 'max' else 'median'} {key}" for key in LINES}
    for place, key in enumerate(LINES):
        x = LEFT + place * 150
        yield f'<path d="M{x} 38h30" fill="none" {STROKES[key]}/>'
        yield _text(x + 36, 42, words[key])


@dataclass(frozen=True, slots=True)
class _Axis:
    """A vertical axis: where a value stands in a panel, and the values that are written beside it."""

    at: Scale
    ticks: Sequence[float]
    log: bool = False


def _linear(top: float, y: float, height: float) -> _Axis:
    step = next(nice for nice in NICE if top <= 4 * nice)
    count = max(1, math.ceil(top / step))
    return _Axis(lambda value: y + height * (1 - value / (step * count)), [step * place for place in range(count + 1)])


def _logarithmic(low: float, top: float, y: float, height: float) -> _Axis:
    first = max((nice for nice in NICE if nice <= low), default=NICE[0])
    last = next(nice for nice in NICE if nice >= top)
    marks = [nice for nice in NICE if first <= nice <= last]
    if len(marks) > 9:  # ones only, and of many not every one
        ones = [nice for place, nice in enumerate(NICE) if place % 3 == 0 and first <= nice <= last]
        marks = ones[:: math.ceil(len(ones) / 7)]
    per = height / math.log(last / first)
    return _Axis(lambda value: y + height - per * math.log(max(value, first) / first), marks, log=True)


def _scale(values: Sequence[float], y: float, height: float) -> _Axis:
    """Logarithmic where a linear one would press most of it flat."""
    low, top = min((value for value in values if value > 0), default=0.0), max(values, default=0.0)
    return _logarithmic(low, top, y, height) if top > LOG_FROM * low > 0 else _linear(top or 1.0, y, height)


def _grid(axis: _Axis) -> Iterator[str]:
    yield f'<path d="{"".join(f"M{LEFT} {axis.at(tick):.1f}h{PLOT}" for tick in axis.ticks)}" stroke="currentColor" stroke-opacity=".22"/>'
    for tick in axis.ticks:
        yield _text(LEFT - 6, axis.at(tick) + 4, f"{tick:.10g}" if tick < 1e6 else f"{tick:.3g}", small=True, anchor="end")


def _places(data: Binned) -> tuple[Callable[[Bin], float], float]:
    """Where the middle of a bin stands, and how wide one is."""
    step = PLOT / math.ceil((data.last - data.first + 1) / data.width)
    return (lambda item: LEFT + ((item.second - data.first) / data.width + 0.5) * step), step


def _latency(data: Binned, y: float) -> Iterator[str]:
    values = [value for item in data.bins for value in item.times.values()]
    axis = _scale(values, y, TALL)
    kind = "logarithmic" if axis.log else "linear"
    yield _text(14, y - 10, f"Latency in ms from when requests were due, {kind} scale" if values else "Latency in ms: not known")
    yield from _grid(axis)
    for key in reversed(LINES):
        lines, dots = _line(data, key, axis.at)
        if lines:
            yield f'<path d="{lines}" fill="none" stroke-linejoin="round" {STROKES[key]}/>'
        if dots:
            yield f'<path d="{dots}" {STROKES[key].partition(" ")[0]} stroke-width="4" stroke-linecap="round"/>'


def _line(data: Binned, key: str, at: Scale) -> tuple[str, str]:
    """Paths through all that is known, with a gap where something is not, and of what stands alone: a dot each."""
    middle, _ = _places(data)
    runs: list[list[str]] = []
    before: Bin | None = None
    for item in data.bins:
        if key in item.times:
            if before is None or item.second != before.second + data.width:
                runs.append([])
            runs[-1].append(f"{middle(item):.1f} {at(item.times[key]):.1f}")
        before = item if key in item.times else None
    return "".join(f"M{' '.join(run)}" for run in runs if len(run) > 1), "".join(f"M{run[0]}h0" for run in runs if len(run) == 1)


def _throughput(data: Binned, y: float) -> Iterator[str]:
    middle, step = _places(data)
    axis = _linear(max((item.rate for item in data.bins if item.rate), default=0.0) or 1.0, y, LOW)
    base, thick, under = y + LOW, min(step * 0.8, WIDEST) if step > NARROWEST else step + 0.3, y + LOW + 12
    yield _text(14, y - 10, "Requests completed per second, by the second in which they were due")
    yield _text(WIDTH - RIGHT, y - 10, f"\u00d7 errors: {_failed(data)}", anchor="end")
    yield from _grid(axis)
    bars, errors, marks = [], [], []
    for item in data.bins:
        x = middle(item)
        bars += [f"M{x:.1f} {base:g}V{axis.at(item.rate):.1f}"] if item.rate else []
        if item.errors:
            errors.append(f"M{x:.1f} {base:g}V{max(y, min(base - 2, axis.at(item.errors))):.1f}")
            marks.append(f"M{x - 3:.1f} {under - 3:g}l6 6m0-6l-6 6")
    yield f'<path d="{"".join(bars)}" stroke="{BAR}" stroke-width="{thick:.2f}"/>'
    yield f'<path d="{"".join(errors)}" stroke="{ERROR}" stroke-width="{thick:.2f}"/>'
    yield f'<path d="{"".join(marks)}" fill="none" stroke="{ERROR}" stroke-width="1.6"/>'
    yield from _time(data, step / data.width, under + 10)


def _time(data: Binned, per: float, y: float) -> Iterator[str]:
    """The axis of time. `per`: how wide a second is."""
    seconds = data.last - data.first + 1
    step = next((span for span in SPANS if seconds <= 8 * span), 86400 * math.ceil(seconds / 8 / 86400))
    size, sign, name = next(unit for unit in UNITS if step >= unit[0])
    ticks = range(math.ceil(data.first / step) * step, data.last + 2, step)
    where = [(LEFT + (tick - data.first) * per, tick) for tick in ticks]
    yield f'<path d="{"".join(f"M{x:.1f} {y:g}v5" for x, _ in where)}M{LEFT} {y:g}h{PLOT}" fill="none" stroke="currentColor"/>'
    for x, tick in where:
        yield _text(x, y + 18, f"{tick / size:g} {sign}", small=True, anchor="middle")
    yield _text(LEFT, y + 34, f"{name} since the first request was due", small=True)
