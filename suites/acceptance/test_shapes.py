"""The shapes of answers: what the profile says is in them, judged from what the run has seen anyway."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from gate.api import SUCCESS, Inconclusive, Phase, control, pick, require

MISSING = object()
WHY = "Programs that read these answers break, or worse, go on with a wrong value."


def is_number(value):
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def is_date(value):
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_decimal(value):
    try:
        return is_number(value) or (isinstance(value, str) and Decimal(value).is_finite())
    except InvalidOperation:
        return False


def is_moment(value):
    """ISO 8601 with an offset: the same moment for everybody."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


# What a timestamp looks like is SHAPE-001's matter; that it is there is everyone's.
TYPES = {
    "string": lambda value: isinstance(value, str) and bool(value),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "timestamp": lambda value: value is not None,
    "date": is_date,
    "decimal": is_decimal,
}


def same_path(template, target):
    """Whether a request went to that path, whatever stands in its placeholders and after its question mark."""
    fixed = (re.escape(part) for part in re.split(r"\{[a-z_]+\}", template))
    return re.fullmatch("[^/]+".join(fixed), target.split("?")[0]) is not None


def answers(run, shape):
    """The successful answers that must have the shape."""
    seen = [item for item in run.observations if item.response is not None and not item.probe.provokes]
    return [
        item
        for item in seen
        if item.probe.method == shape["method"]
        and item.response.status in SUCCESS
        and same_path(shape["path"], item.probe.target)
        and not was_skipped(run, item)
    ]


def was_skipped(run, seen):
    """Whether it is a trigger's word that another cycle is running: then there is no run to tell of."""
    rules = run.settings.profile.data.get("automation")
    if not rules or seen.probe.target.partition("?")[0] not in (rules["trigger"], rules.get("trigger_async")):
        return False
    body = seen.json()
    return isinstance(body, dict) and pick(rules["status_field"], body) == rules.get("skipped", "skipped")


def objects(seen, shape):
    """The parts of an answer that must have the fields."""
    body = seen.json()
    if "each" not in shape:
        return [body]
    found = pick(shape["each"], body)
    require(isinstance(found, list), f"a list at '{shape['each']}' of {seen.probe}", f"{found!r:.60}")
    return found


def value_of(item, field):
    """What stands at a field, and whether null will do. A null on the way there is a null."""
    optional, value = field.endswith("?"), item
    for name in field.removesuffix("?").split("."):
        if value is None and optional:
            return None, True
        value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
    return value, optional


def is_due(run, shape):
    """Whether an answer of that shape had to come. A part of the suites, by plain pytest, asks for a part of the answers only."""
    suites = {case.control.suite for case, _ in run.cases}
    asked = any(seen.probe.method == shape["method"] and same_path(shape["path"], seen.probe.target) for seen in run.observations)
    return asked or {"acceptance", "audit", "recall", "security"} <= suites


def look(run, shapes, wanted, judge):
    """Judge every field of those types; the number of answers looked at, and the shapes that none was seen of."""
    looked, unseen = 0, []
    for shape in shapes:
        fields = [(kind, field) for kind in wanted for field in shape.get(kind, ())]
        found = answers(run, shape) if fields else []
        looked += len(found)
        if fields and not found and is_due(run, shape):
            unseen.append(f"{shape['method']} {shape['path']}")
        for seen in found:
            for item in objects(seen, shape):
                for kind, field in fields:
                    value, optional = value_of(item, field)
                    if value is not None or not optional:
                        judge(seen, kind, field, value)
    return looked, unseen


@control(
    "SHAPE-001",
    "Every time is given with its offset from UTC, as text",
    severity="medium",
    criterion="gate",
    phase=Phase.CLOSING,
    refs=["RFC 3339", "checklist 7"],
    feature="shapes",
    covers=("S8",),
    why="A time without an offset is another moment for every reader: the order of events in an audit or a recall is lost.",
    mend="Store timestamptz, answer ISO 8601 with Z or +00:00.",
)
def test_times(run, measured, t):
    def judge(seen, _kind, field, value):
        # One that is not there at all is SHAPE-002's matter.
        if value is not MISSING and value is not None:
            require(is_moment(value), f"a time with its offset at '{field}' of {seen.probe}", f"{value!r:.60}")

    looked, unseen = look(run, t.profile.data["shapes"], ("timestamp",), judge)
    measured(looked)
    if unseen:
        raise Inconclusive(f"nothing was seen of {', '.join(dict.fromkeys(unseen))}")


@control(
    "SHAPE-002",
    "Answers hold the fields that they are documented to hold, in the documented types",
    severity="medium",
    criterion="gate",
    phase=Phase.CLOSING,
    refs=["checklist 8"],
    feature="shapes",
    covers=("S1", "S3"),
    why=WHY,
    mend="Bring the field back, or correct the profile's shapes if the contract has changed.",
)
def test_fields(run, measured, t):
    def judge(seen, kind, field, value):
        require(value is not MISSING, f"'{field}' in the answer to {seen.probe}", "nothing there")
        require(TYPES[kind](value), f"a value of type {kind} at '{field}' of {seen.probe}", f"{value!r:.60}")

    looked, unseen = look(run, t.profile.data["shapes"], tuple(TYPES), judge)
    measured(looked)
    if unseen:
        raise Inconclusive(f"nothing was seen of {', '.join(dict.fromkeys(unseen))}")
