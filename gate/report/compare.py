"""Two runs held against each other: what is different, and whether anything was lost. Nothing is judged anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeGuard

from gate.model import Control, Outcome, Result, RunRecord, Severity, Verdict
from gate.report.clean import line
from gate.report.view import INTERRUPTED, WaiverLine, fact, result_of, seconds, verdict_text, waiver_of

UNKNOWN = "not recorded"  # twelve characters, like the beginning of a digest


class Kind(StrEnum):
    """What became of a control, in the order in which a change board has to look at it."""

    NEWLY_FAILING = "newly failing"
    NO_LONGER_RUN = "no longer run"
    NO_LONGER_PLANNED = "no longer planned"
    WAIVER_GONE = "waiver gone"
    CHANGED = "outcome changed otherwise"
    NEWLY_WAIVED = "newly waived"
    NEWLY_PLANNED = "newly planned"
    NEWLY_PASSING = "newly passing"


@dataclass(frozen=True, slots=True)
class Change:
    """One control that is not as it was. `regression`: a pass or a measurement is gone, or a failure is new."""

    kind: Kind
    control: Control
    old: str
    new: str
    note: str
    regression: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about the runs themselves; `note` says what a difference means for the comparison."""

    name: str
    old: str
    new: str
    note: str = ""

    @property
    def changed(self) -> bool:
        """Whether the two runs differ in it; digests of many files are told by the note alone."""
        return self.old != self.new or bool(self.note)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is different between two runs."""

    old: RunRecord
    new: RunRecord
    facts: tuple[Fact, ...]
    warnings: tuple[str, ...]
    changes: tuple[Change, ...]

    def of(self, kind: Kind) -> list[Change]:
        """The changes of that kind, the gravest first."""
        return [change for change in self.changes if change.kind is kind]

    @property
    def regression(self) -> bool:
        """Whether the new run is worse: a control, or the verdict."""
        return any(change.regression for change in self.changes) or _rank(self.new) > _rank(self.old)


def compare(old: RunRecord, new: RunRecord) -> Comparison:
    """Hold `new` against `old`."""
    before, after = {control.id: control for control in old.controls}, {control.id: control for control in new.controls}
    changes = [change for key, control in after.items() for change in _changes(old, new, control, planned=key in before)]
    changes += [_dropped(old, control) for key, control in before.items() if key not in after]
    order = list(Kind)
    changes.sort(key=lambda change: (order.index(change.kind), -change.control.severity.rank, change.control.id))
    return Comparison(old, new, tuple(_facts(old, new)), tuple(_warnings(old, new)), tuple(changes))


def _changes(old: RunRecord, new: RunRecord, control: Control, *, planned: bool) -> list[Change]:
    """What is different about a control of the new plan: its outcome, its waiver, or both."""
    is_now, waived = result_of(new, control), (control.id in _waived(old), control.id in _waived(new))
    was = result_of(old, control) if planned else None
    found = []
    if (kind := _kind(was, is_now)) is not None:
        found.append(_change(kind, control, was, is_now))
    for kind, sides in ((Kind.WAIVER_GONE, (True, False)), (Kind.NEWLY_WAIVED, (False, True))):
        if waived == sides:
            waiver = waiver_of(old if kind is Kind.WAIVER_GONE else new, control.id)
            found.append(replace(_change(kind, control, was, is_now), note=_waiver(waiver)))
    return found


def _kind(was: Result | None, now: Result) -> Kind | None:
    """What happened to the outcome; None where nothing did."""
    before = was.outcome if was else None
    if now.outcome is Outcome.FAILED and before is not Outcome.FAILED:
        return Kind.NEWLY_FAILING
    if was is None:
        return Kind.NEWLY_PLANNED
    if before is now.outcome:
        other = now.outcome is Outcome.FAILED and was.fingerprint != now.fingerprint
        return Kind.CHANGED if other else None
    if now.outcome in (Outcome.NOT_RUN, Outcome.NOT_APPLICABLE):
        return Kind.CHANGED if before in (Outcome.NOT_RUN, Outcome.NOT_APPLICABLE) else Kind.NO_LONGER_RUN
    return Kind.NEWLY_PASSING if now.outcome is Outcome.PASSED else Kind.CHANGED


def _change(kind: Kind, control: Control, was: Result | None, now: Result) -> Change:
    before = was.outcome.value if was else "not planned"
    note = line(now.reason, 200)
    if was and was.outcome is now.outcome is Outcome.FAILED and was.fingerprint != now.fingerprint:
        note = line(f"it fails with another finding: {note}", 200)
    lost = kind in (Kind.NEWLY_FAILING, Kind.NO_LONGER_RUN) or (kind is Kind.CHANGED and was is not None and was.outcome is Outcome.PASSED)
    return Change(kind, control, _words(before), _words(now.outcome.value), note, lost)


def _waiver(waiver: WaiverLine | None) -> str:
    if waiver is None:
        return ""
    said = waiver.told
    return line(f"until {waiver.waiver.until}, approved by {said['approved by']}, {said['ticket']}: {said['reason']}", 200)


def _dropped(old: RunRecord, control: Control) -> Change:
    was = result_of(old, control)
    lost = was.outcome not in (Outcome.NOT_RUN, Outcome.NOT_APPLICABLE)
    return Change(Kind.NO_LONGER_PLANNED, control, _words(was.outcome.value), "not planned", line(was.reason, 200), lost)


def _facts(old: RunRecord, new: RunRecord) -> list[Fact]:
    return [
        Fact("verdict", verdict_text(old), verdict_text(new)),
        Fact("recall time", _recall(old), _recall(new), _slower(old, new)),
        Fact("controls planned", str(len(old.controls)), str(len(new.controls))),
        *(_fact(name, getattr(old, key), getattr(new, key), note) for name, key, note in _NAMES),
        *(_file(name, old, new) for name in ("profile", "policy", "waivers")),
        _fact("policy floors", _floors(old), _floors(new), "other failures block than before"),
        Fact("suites", _suites(old), _suites(new), _touched(old, new)),
        Fact("started", seconds(old.started_at), seconds(new.started_at)),
        Fact("run", line(old.run_id, 80), line(new.run_id, 80)),
    ]


_NAMES = (
    ("base URL", "base_url", "another target: nothing below is about one deployment"),
    ("environment", "environment", "another environment"),
    ("release", "release_sha", ""),
    ("artifact", "artifact", ""),
    ("profile", "profile", "other things were demanded"),
    ("policy", "policy", "other failures block than before"),
    ("gate", "gate_version", "another version of the gate"),
)


def _fact(name: str, old: object, new: object, note: str) -> Fact:
    was, now = line(old or UNKNOWN, 120), line(new or UNKNOWN, 120)
    return Fact(name, was, now, note if was != now else "")


def _warnings(old: RunRecord, new: RunRecord) -> list[str]:
    told = [
        f"The {name} run was interrupted and has no verdict: {line(record.interruption) or 'the journal does not say why'}"
        for name, record in (("old", old), ("new", new))
        if record.decision is None
    ]
    if old.run_id == new.run_id:
        told.append("Both are the same run.")
    elif new.started_at < old.started_at:
        told.append("The new run began before the old one: were the two exchanged?")
    return told


def _waived(record: RunRecord) -> frozenset[str]:
    return frozenset(record.decision.waived if record.decision else ())


def _recall(record: RunRecord) -> str:
    taken = fact(record, "recall_drill").get("trace_seconds")
    return f"{taken:.3f} s" if _number(taken) else UNKNOWN


def _slower(old: RunRecord, new: RunRecord) -> str:
    was, now = (fact(record, "recall_drill").get("trace_seconds") for record in (old, new))
    if not _number(was) or not _number(now):
        return ""
    change = now - was
    share = f", {100 * change / was:+.0f} %" if was > 0 else ""
    return f"{change:+.3f} s{share}" if change else ""


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _file(name: str, old: RunRecord, new: RunRecord) -> Fact:
    """A file by the beginning of its digest, which is enough for people; whether two differ is told by all of it."""
    was, now = ((record.terms.inputs.get(name) if record.terms else None) or UNKNOWN for record in (old, new))
    return Fact(f"{name} file", line(was)[:12], line(now)[:12], "its contents changed" if was != now else "")


def _floors(record: RunRecord) -> str:
    if record.terms is None:
        return ""
    return f"contract {record.terms.contract}, hardening {_floor(record.terms.hardening)}"


def _floor(severity: Severity | None) -> str:
    return severity.value if severity else "never"


def _suites(record: RunRecord) -> str:
    """The commit where one is known, and how many files the run was judged by."""
    if record.terms is None:
        return UNKNOWN
    whole = line(record.terms.suites_commit, 80)
    commit = whole[:12] + whole[40:]  # what follows a digest says that the folder was changed since
    return f"{len(record.terms.sources)} files{f', commit {commit}' if commit else ''}"


def _touched(old: RunRecord, new: RunRecord) -> str:
    before, after = (record.terms.sources if record.terms else {} for record in (old, new))
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return line(f"{len(names)} of the files changed: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}") if names else ""


def _words(outcome: str) -> str:
    return outcome.replace("_", " ")


def _rank(record: RunRecord) -> int:
    """How bad a verdict is; an interrupted run is worse than any that came to its end but a NO-GO."""
    status = record.decision.verdict.exit_status if record.decision else INTERRUPTED
    return {Verdict.GO.exit_status: 0, Verdict.INCONCLUSIVE.exit_status: 1, INTERRUPTED: 2}.get(status, 3)
