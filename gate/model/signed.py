"""What was signed about a bundle, as a sign-off log shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One paper. `problem` says why it does not count, empty if nothing is known against it; then it covers the evidence and verifies.

    `decision` is `approve` or `reject`; an exception has `rule` and `person` instead. What a broken paper does not tell is empty.
    """

    paper: str
    role: str
    problem: str
    name: str = ""
    id: str = ""
    decision: str = ""
    meaning: str = ""
    reason: str = ""
    rule: str = ""
    person: str = ""
    at: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class SignOff:
    """The papers of one bundle and what `gate verify` says of it.

    `signed` says whether the gate's statement is signed, `gate_known` whether by a gate key of the trust folder, `trusted` whether a trust
    folder with people was there to judge by, `missing` are the roles that must sign and have not, `decision` is PASSED, FAILED or empty,
    `decided_at` when it was made.
    """

    bundle: str
    state: str
    reason: str
    signed: bool
    trusted: bool
    decision: str
    decided_at: str
    lines: tuple[SignatureLine, ...]
    missing: tuple[str, ...]
    gate_known: bool = False
