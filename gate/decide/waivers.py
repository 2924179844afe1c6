"""What waivers are worth on the day of a run. Pure: the day is an argument. A waiver never changes an outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from gate.decide.person import same
from gate.model import Control, Criterion, Outcome, Result, Severity, Waiver, WaiverState, WaiverStatus

LONGEST, LONGEST_CRITICAL = 90, 14  # days from the first to the last
COUNTDOWN = (1, 7, 14)  # days left, from the most urgent: each is told in stronger words
TEXTS = ("reason", "risk", "requester", "approver", "ticket")
BYPASS = "bypass"

Problem = tuple[WaiverStatus, str]


def judge(waivers: Sequence[Waiver], controls: Sequence[Control], results: Mapping[str, Result], day: date) -> tuple[WaiverState, ...]:
    """The state of each waiver, in their order.

    Args:
        waivers: all that were given to the run.
        controls: every control of the plan.
        results: what is known of them, by id.
        day: the UTC date on which the run began.
    """
    known = {control.id: control for control in controls}
    times = Counter((item.control, item.fingerprint) for item in waivers)
    states = []
    for item in waivers:
        found = _of_control(known.get(item.control), results.get(item.control))
        if found is None and times[item.control, item.fingerprint] > 1:
            found = WaiverStatus.DUPLICATE, f"{times[item.control, item.fingerprint]} waivers name this finding"
        found = found or _of_people(item) or _of_days(item, known[item.control], day) or _of_result(item, results.get(item.control))
        status, problem = found or (WaiverStatus.USED, "")
        states.append(WaiverState(item.control, item.fingerprint, status, (item.last - day).days, problem))
    return tuple(states)


def waived(states: Sequence[WaiverState]) -> tuple[str, ...]:
    """The controls whose failure a waiver without any problem covers."""
    return tuple(dict.fromkeys(item.control for item in states if item.state is WaiverStatus.USED))


def refusal(control: Control, result: Result | None) -> str:
    """Why no waiver may cover this control's failure; empty where one may."""
    if control.criterion is Criterion.RECALL:
        return "a recall control is never waived"
    if not control.waivable:
        return f"{control.id} is a control that is never waived"
    if result is not None and result.kind == BYPASS:
        return "a way around a protection is never waived"
    return ""


def longest(control: Control) -> int:
    """How many days may lie between a waiver's first day and its last."""
    return LONGEST_CRITICAL if control.severity is Severity.CRITICAL else LONGEST


def countdown(days_left: int) -> int | None:
    """Which of the last stretches a waiver that still holds is in: 14, 7 or 1 days; None before them."""
    return next((limit for limit in COUNTDOWN if days_left <= limit), None)


def blank(text: str) -> bool:
    """Whether a text says nothing: no letter and no digit in it."""
    return not any(char.isalnum() for char in text)


def _of_control(control: Control | None, result: Result | None) -> Problem | None:
    if control is None:
        return WaiverStatus.ORPHAN, "the run has no control of this name"
    why = refusal(control, result)
    return (WaiverStatus.FORBIDDEN, why) if why else None


def _of_people(waiver: Waiver) -> Problem | None:
    empty = [name for name in TEXTS if blank(getattr(waiver, name))]
    if empty:
        return WaiverStatus.INCOMPLETE, f"it says nothing under '{empty[0]}'"
    if same(waiver.requester, waiver.approver):
        return WaiverStatus.SELF_APPROVED, "the person who asked for it approved it"
    return None


def _of_days(waiver: Waiver, control: Control, day: date) -> Problem | None:
    most, length = longest(control), (waiver.last - waiver.first).days
    if length > most:
        kind = "a critical control" if most == LONGEST_CRITICAL else "any control"
        return WaiverStatus.TOO_LONG, f"it runs for {length} days; {most} are the most for {kind}"
    if day < waiver.first:
        return WaiverStatus.NOT_YET_VALID, f"it begins on {waiver.since}"
    if day > waiver.last:
        return WaiverStatus.EXPIRED, f"it ended on {waiver.until}"
    return None


def _of_result(waiver: Waiver, result: Result | None) -> Problem | None:
    """A waiver covers one failed finding; what broke, could not be measured or did not run is none."""
    if result is None or result.outcome is not Outcome.FAILED:
        outcome = result.outcome if result is not None else Outcome.NOT_RUN
        return WaiverStatus.UNUSED, f"only a failure can be waived, and the control's outcome is {outcome}"
    if not result.fingerprint or result.fingerprint != waiver.fingerprint:
        return WaiverStatus.UNUSED, f"the control failed with another finding ({result.fingerprint or 'without a fingerprint'})"
    return None
