"""Waivers: a dated, signed-for disposition of one finding. It never changes an outcome; it says why a release may go on in spite of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Waiver:
    """What somebody answers for: the finding `fingerprint` of `control`, from the day `since` to the day `until`.

    Both days are included, and are ISO dates. `requester` asked for it; `approver`, another person, granted it; `ticket` names where.
    """

    control: str
    fingerprint: str
    reason: str
    risk: str
    requester: str
    approver: str
    ticket: str
    since: str
    until: str

    def __post_init__(self) -> None:
        """Refuse what is no day."""
        for text in (self.since, self.until):
            if date.fromisoformat(text).isoformat() != text:
                raise ValueError(f"{self.control}: '{text:.40}' is no day like 2026-03-01")

    @property
    def first(self) -> date:
        """The first day on which it holds."""
        return date.fromisoformat(self.since)

    @property
    def last(self) -> date:
        """The last day on which it holds."""
        return date.fromisoformat(self.until)


class WaiverStatus(StrEnum):
    """What became of a waiver on the day of a run. All but `used` are problems, and block."""

    USED = "used"
    ORPHAN = "orphan"
    FORBIDDEN = "forbidden"
    DUPLICATE = "duplicate"
    INCOMPLETE = "incomplete"
    SELF_APPROVED = "self_approved"
    TOO_LONG = "too_long"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class WaiverState:
    """A waiver in one run. `days_left` counts the days after that of the run (negative: over); `problem` is empty where there is none."""

    control: str
    fingerprint: str
    state: WaiverStatus
    days_left: int
    problem: str
