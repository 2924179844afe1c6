"""What can come of a verification."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """From best to worst: VALID, INCOMPLETE, UNTRUSTED, INVALID."""

    VALID = "VALID"
    INCOMPLETE = "INCOMPLETE"
    UNTRUSTED = "UNTRUSTED"
    INVALID = "INVALID"

    @property
    def exit_status(self) -> int:
        """0, 21, 22, 20: the contract with scripts."""
        return {State.VALID: 0, State.INVALID: 20, State.INCOMPLETE: 21, State.UNTRUSTED: 22}[self]

    @property
    def rank(self) -> int:
        """0 (VALID) to 3 (INVALID)."""
        return list(State).index(self)


class Wrong(Exception):  # noqa: N818 - what was found, not a programming error
    """A step found what it must not find; the state it leads to, and the reason in one sentence."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: what it checked, and what it found (VALID: nothing wrong). `note` says what was seen or why it could not look."""

    number: int
    title: str
    state: State
    note: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result. `reason` is the first one of the worst kind; `verdict` the gate's, `decision` PASSED, FAILED or empty."""

    state: State
    reason: str
    step: int
    steps: tuple[Step, ...]
    verdict: str = ""
    decision: str = ""
    signers: tuple[dict[str, Any], ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "state": self.state.value,
            "reason": self.reason,
            "step": self.step,
            "verdict": self.verdict,
            "decision": self.decision,
            "signers": list(self.signers),
            "steps": [{"number": step.number, "title": step.title, "state": step.state.value, "note": step.note} for step in self.steps],
        }
