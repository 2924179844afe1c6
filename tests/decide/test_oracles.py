"""What an observation proves: the truth tables of the oracles."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from gate.decide.oracles import equal, must_answer, must_refuse, require, same_answer
from gate.model import FailureKind, Inconclusive, Observation, Safety, Unmet
from tests.decide.support import NO_ANSWER, saw

PRIVATE = b'{"customers": ["Alpine Foods", "Baltic Retail"], "qty": 650.0}'
MISSING = b'{"error": {"code": "not_found", "message": "there is no such event"}}'
DENIED = b'{"error": {"code": "forbidden", "message": "not your role"}}'
INVALID = b'{"error": {"code": "validation_error", "message": "limit must be above 0"}}'
REFUSED, UNDECIDED, PLAIN = "refused", "inconclusive", "unmet"


def judged(attack: Observation, proof: Observation, refusals: tuple[int, ...], admitted: tuple[int, ...]) -> str:
    """`refused`, `inconclusive`, or the kind of fault (`unmet` where it has none)."""
    try:
        assert must_refuse(attack, proof, refusals=refusals, admitted=admitted) is attack
    except Inconclusive:
        return UNDECIDED
    except Unmet as fault:
        return fault.kind or PLAIN
    return REFUSED


# The attack's status and body; the verdict where the positive control answered 200, 422 and 404.
ATTACKS: dict[str, tuple[int | str, bytes, str, str, str]] = {
    "401": (401, DENIED, REFUSED, REFUSED, REFUSED),
    "403": (403, DENIED, REFUSED, REFUSED, REFUSED),
    "404 that hides": (404, DENIED, REFUSED, REFUSED, REFUSED),
    "200": (200, DENIED, "bypass", "bypass", "bypass"),
    "201": (201, b"{}", "bypass", "bypass", "bypass"),
    "204": (204, b"", "bypass", "bypass", "bypass"),
    "206": (206, b"", "bypass", "bypass", "bypass"),
    "302": (302, b"", UNDECIDED, UNDECIDED, UNDECIDED),
    "304": (304, b"", UNDECIDED, UNDECIDED, UNDECIDED),
    "307": (307, b"", UNDECIDED, UNDECIDED, UNDECIDED),
    "400": (400, DENIED, PLAIN, PLAIN, PLAIN),
    "405": (405, DENIED, PLAIN, PLAIN, PLAIN),
    "422": (422, INVALID, PLAIN, "bypass", PLAIN),
    "422 of another kind": (422, DENIED, PLAIN, "bypass", PLAIN),
    "404 like one who may": (404, MISSING, REFUSED, REFUSED, "bypass"),
    "500": (500, DENIED, "crash", "crash", "crash"),
    "502": (502, b"", "crash", "crash", "crash"),
    "429": (429, DENIED, UNDECIDED, UNDECIDED, UNDECIDED),
    "no answer": (NO_ANSWER, b"", UNDECIDED, UNDECIDED, UNDECIDED),
    "401 with the private body": (401, PRIVATE, "bypass", REFUSED, REFUSED),
    "403 with the private body in another": (403, b'{"detail": %s}' % PRIVATE, "bypass", REFUSED, REFUSED),
    "302 with the private body": (302, PRIVATE, "bypass", UNDECIDED, UNDECIDED),
    "500 with the private body": (500, b"<pre>" + PRIVATE, "bypass", "crash", "crash"),
}
PROOFS = {"200": (200, PRIVATE, (200,)), "422": (422, INVALID, (422,)), "404": (404, MISSING, (404,))}


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_must_refuse(attack: str, proof: str) -> None:
    status, body, *verdicts = ATTACKS[attack]
    proven, known, admitted = PROOFS[proof]
    expected = verdicts[list(PROOFS).index(proof)]
    assert judged(saw(status, body), saw(proven, known), (401, 403, 404), admitted) == expected


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("status", [401, 403, 404, 500, 503, 302, 429, NO_ANSWER])
def test_nothing_is_proved_where_the_positive_control_was_not_let_in(status: int | str, attack: str) -> None:
    """A closed port, an expired token or a broken service refuses everybody: neither a pass nor a bypass."""
    told, body, *_ = ATTACKS[attack]
    assert judged(saw(told, body), saw(status, PRIVATE), (401, 403, 404), (200,)) == UNDECIDED


def test_a_404_refuses_only_where_the_service_hides() -> None:
    assert judged(saw(404, DENIED), saw(200, PRIVATE), (401, 403), (200,)) == PLAIN
    assert judged(saw(404, DENIED), saw(404, MISSING), (401, 403), (404,)) == "bypass"


def test_a_status_that_also_lets_in_refuses_only_with_another_body() -> None:
    """A ghost id answers 404 to everyone who may look; a refusal that hides must not be told from it by status alone."""
    assert judged(saw(404, DENIED), saw(404, MISSING), (403, 404), (404,)) == REFUSED
    assert judged(saw(404, MISSING), saw(404, MISSING), (403, 404), (404,)) == "bypass"


def test_a_throttled_burst_is_an_observation_not_a_refusal() -> None:
    """Only a burst may read a 429, and even there it is none of the refusals."""
    attack = saw(429, DENIED, safety=Safety.BURST)
    assert judged(attack, saw(200, PRIVATE), (401, 403), (200,)) == PLAIN


def test_same_answer_does_not_mind_the_request_id() -> None:
    text = '{"rows": ["one row that is long enough"], "request_id": "%s"}'
    mine, yours = (saw(200, (text % name).encode(), request_id=name) for name in ("id-1", "id-2"))
    assert same_answer(mine, yours)
    assert not same_answer(mine, saw(200, b'{"rows": ["another row that is long enough"]}'))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'{"detail": "no"}'])
def test_a_short_body_that_both_have_proves_nothing(body: bytes) -> None:
    assert not same_answer(saw(401, body), saw(200, body))


ANSWERS: dict[str, tuple[int | str, tuple[int, ...], str | None]] = {
    "the expected status": (200, (200,), None),
    "one of several": (201, (200, 201), None),
    "another success": (204, (200,), ""),
    "a refusal": (403, (200,), ""),
    "not found": (404, (200,), ""),
    "a redirect": (302, (200,), ""),
    "a crash": (500, (200,), "unavailable"),
    "a gateway": (502, (200,), "unavailable"),
    "no answer": (NO_ANSWER, (200,), "unavailable"),
    "a crash where one is expected": (500, (500,), None),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_must_answer(case: str) -> None:
    status, statuses, kind = ANSWERS[case]
    seen = saw(status, b"{}")
    if kind is None:
        assert must_answer(seen, statuses) is seen
        return
    with pytest.raises(Unmet) as fault:
        must_answer(seen, statuses)
    assert fault.value.kind == kind
    assert f"HTTP {statuses[0]}" in fault.value.expected


def test_must_answer_does_not_judge_a_throttled_answer() -> None:
    with pytest.raises(Inconclusive, match="throttled"):
        must_answer(saw(429), (200,))


@pytest.mark.parametrize("kind", [FailureKind.BLOCKED, FailureKind.INTERRUPTED])
def test_what_the_gate_did_not_send_is_no_fault_of_the_target(kind: FailureKind) -> None:
    with pytest.raises(Inconclusive):
        must_answer(saw(NO_ANSWER, kind=kind))


EQUAL = [(1, 1), (1, 1.0), (Decimal("650.0"), 650), ("a", "a"), ([], []), ({"a": 1}, {"a": 1}), (None, None), (True, True), (False, False)]
UNEQUAL = [
    (1, True),
    (True, 1),
    (0, False),
    (False, 0),
    ("1", 1),
    ("true", True),
    (None, False),
    (None, []),
    (None, ""),
    ([], {}),
    ("", []),
    (Decimal("650.1"), 650),
    (float("nan"), float("nan")),
]


@pytest.mark.parametrize(("seen", "expected"), EQUAL)
def test_equal(seen: object, expected: object) -> None:
    equal(seen, expected, "it")


@pytest.mark.parametrize(("seen", "expected"), UNEQUAL)
def test_not_equal(seen: object, expected: object) -> None:
    with pytest.raises(Unmet, match="expected it to be"):
        equal(seen, expected, "it")


def test_require() -> None:
    require(holds=True, expected="this", seen="that")
    with pytest.raises(Unmet, match="expected this; saw that") as fault:
        require(holds=False, expected="this", seen="that", kind="bypass")
    assert (fault.value.expected, fault.value.seen, fault.value.kind) == ("this", "that", "bypass")


@pytest.mark.parametrize("read", ["status", "media_type", "json", "answer"])
def test_reading_where_there_is_no_answer_is_inconclusive(read: str) -> None:
    """A check that forgets about failures still cannot pass."""
    seen = saw(NO_ANSWER)
    with pytest.raises(Inconclusive):
        getattr(seen, read)() if read == "json" else getattr(seen, read)
    assert seen.looked


@pytest.mark.parametrize("body", [b"{", b"", b"NaN", b'{"a": NaN}', b'{"a": Infinity}', b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_json_fails(body: bytes) -> None:
    with pytest.raises(AssertionError, match="no valid JSON"):
        saw(200, body).json()


def test_a_page_instead_of_json_is_inconclusive() -> None:
    """Whatever stands between gate and service answered, not the service."""
    with pytest.raises(Inconclusive, match="HTML"):
        saw(200, json.dumps({"status": "ok"}).encode(), headers=(("Content-Type", "text/html; charset=utf-8"),)).json()
