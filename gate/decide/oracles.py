"""What an observation proves. Pure functions that suites call; each returns or raises `Unmet` (refuted) or `Inconclusive` (nothing proved).

A refusal proves something only beside a positive control: the same request by someone who may. Without it a closed port looks secure.
"""

from __future__ import annotations

from collections.abc import Collection

from gate.model import FailureKind, Inconclusive, Observation, Unmet

EXCERPT = 200
SERVER_ERROR = 500
NOT_IMPLEMENTED = 501  # of an unknown verb: a refusal
SUCCESS = range(200, 300)
REDIRECT = range(300, 400)
NOT_ASKED = (FailureKind.BLOCKED, FailureKind.INTERRUPTED)  # the gate's own doing says nothing about the target
TELLING = 24  # a shared body shorter than this proves nothing ("{}", "[]")


def describe(seen: Observation) -> str:
    """One line for a report: the request, the status and the beginning of the body."""
    if seen.response is None:
        return f"{seen.probe}: no answer ({seen.failure.detail if seen.failure else 'not sent'})"
    body = seen.response.body[:EXCERPT].decode("utf-8", "replace")
    return f"{seen.probe}: HTTP {seen.response.status}, {body or 'empty body'}"


def _list(statuses: Collection[int]) -> str:
    return " or ".join(f"HTTP {status}" for status in sorted(set(statuses)))


def must_answer(seen: Observation, statuses: Collection[int] = (200,)) -> Observation:
    """The answer has one of these statuses. No answer or a 5xx is `unavailable`: an operation that must work does not."""
    if seen.response is None:
        if seen.failure is None or seen.failure.kind in NOT_ASKED:
            raise Inconclusive(describe(seen))
        raise Unmet(_list(statuses), describe(seen), "unavailable")
    if seen.status not in statuses:
        raise Unmet(_list(statuses), describe(seen), "unavailable" if seen.status >= SERVER_ERROR else "")
    return seen


def must_refuse(attack: Observation, proof: Observation, *, refusals: Collection[int], admitted: Collection[int] = (200,)) -> Observation:
    """The attack is refused, while the positive control is let in.

    Args:
        attack: the request by someone who must not.
        proof: the same request by someone who may, in the same run.
        refusals: statuses that refuse (401, 403; 404 where the service hides).
        admitted: statuses that show that a caller was let in (422 or 404 for requests that are harmless on purpose).
    """
    if proof.status not in admitted:
        raise Inconclusive(f"the positive control was not let in ({describe(proof)}), so a refusal would prove nothing")
    status = attack.status
    if status in SUCCESS or same_answer(attack, proof):
        raise Unmet(f"a refusal ({_list(refusals)})", describe(attack), "bypass")
    if status in refusals:
        return attack
    if status in admitted:
        raise Unmet(f"a refusal ({_list(refusals)})", f"let in like one who may: {describe(attack)}", "bypass")
    if status >= SERVER_ERROR:
        raise Unmet(f"a refusal ({_list(refusals)})", f"a crash: {describe(attack)}", "crash")
    if status in REDIRECT:
        raise Inconclusive(f"redirected instead of refused: {describe(attack)}")
    raise Unmet(f"a refusal ({_list(refusals)})", describe(attack))


def must_keep_out(attack: Observation, proof: Observation) -> Observation:
    """The attack is not let in, while the positive control is: for attacks that an edge may turn away with 400, 405 or a redirect.

    Args:
        attack: the request by someone who must not, bent in some way.
        proof: the plain request by someone who may, in the same run.
    """
    if proof.status not in SUCCESS:
        raise Inconclusive(f"the positive control was not let in ({describe(proof)}), so a refusal would prove nothing")
    status = attack.status
    if status in SUCCESS or same_answer(attack, proof):
        raise Unmet("not to be let in", describe(attack), "bypass")
    if status >= SERVER_ERROR and status != NOT_IMPLEMENTED:
        raise Unmet("not to be let in", f"a crash: {describe(attack)}", "crash")
    return attack


def same_answer(one: Observation, other: Observation) -> bool:
    """Whether two answers say the same, apart from the request ids in them: what one caller learned, the other did too."""
    if one.answer.status != other.answer.status and one.answer.status not in REDIRECT and other.answer.status not in SUCCESS:
        return False
    first = one.answer.body.replace(one.request_id.encode(), b"")
    second = other.answer.body.replace(other.request_id.encode(), b"")
    return len(second) >= TELLING and second in first


def equal(seen: object, expected: object, what: str) -> None:
    """Two values are equal (and of one kind at every depth: true is not 1)."""
    if seen != expected or _truths(seen) != _truths(expected):
        raise Unmet(f"{what} to be {expected!r}", f"{seen!r:.200}")


def _truths(value: object) -> object:
    """Where in a value true and false stand."""
    if isinstance(value, dict):
        return {key: _truths(item) for key, item in value.items()}
    return [_truths(item) for item in value] if isinstance(value, list | tuple) else isinstance(value, bool)


def require(holds: bool, expected: str, seen: str, kind: str = "") -> None:  # noqa: FBT001 - the condition itself
    """The condition holds; otherwise both sides are told."""
    if not holds:
        raise Unmet(expected, seen, kind)
