"""From what pytest saw of a test to a control's outcome."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gate.model import Inconclusive, Outcome, Safety, Unmet
from gate.plugin.outcome import Trial, fingerprint, flatten, outcome_of
from tests.decide.support import NO_ANSWER, saw

PASSED, FAILED, ERROR = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR
INCONCLUSIVE, NOT_RUN = Outcome.INCONCLUSIVE, Outcome.NOT_RUN


def raised(act: Callable[[], object]) -> BaseException:
    """The exception that this raises."""
    try:
        act()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("nothing was raised")


ERRORS: dict[str, tuple[BaseException | None, Outcome]] = {
    "nothing": (None, PASSED),
    "an assertion": (AssertionError("1 == 2"), FAILED),
    "an expectation that is not met": (Unmet("this", "that", "bypass"), FAILED),
    "pytest.fail": (raised(lambda: pytest.fail("no")), FAILED),
    "inconclusive": (Inconclusive("no answer"), INCONCLUSIVE),
    "pytest.skip": (raised(lambda: pytest.skip("not today")), NOT_RUN),
    "pytest.xfail": (raised(lambda: pytest.xfail("known")), FAILED),
    "an exception": (ZeroDivisionError("division by zero"), ERROR),
    "a key that is not there": (KeyError("roles"), ERROR),
    "a broken connection of the check's own": (ConnectionError("reset"), ERROR),
    "the end of the process": (SystemExit(0), ERROR),
    "no memory": (MemoryError(), ERROR),
    "a generator that stopped": (StopIteration(), ERROR),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_one_stage_means(case: str) -> None:
    error, outcome = ERRORS[case]
    assert outcome_of(error, xfail=False) is outcome
    assert outcome_of(error, xfail=True) is ERROR


def trial(*shown: object, measured: int = 0) -> Trial:
    return Trial("X-1", shown=list(shown), measured=measured)  # type: ignore[arg-type]


def looked_at(status: int | str = 200, safety: Safety = Safety.READ) -> object:
    seen = saw(status, b"{}", safety=safety)
    seen.looked.append(True)
    return seen


def ended(subject: Trial, **stages: BaseException | None) -> Trial:
    for when in ("setup", "call", "teardown"):
        if when in stages:
            subject.stage(when, stages[when], xfail=False)
    return subject


def went_well(subject: Trial) -> Trial:
    return ended(subject, setup=None, call=None, teardown=None)


def test_a_pass_is_earned() -> None:
    """The positive control of what follows."""
    result = went_well(trial(looked_at())).result()
    assert (result.outcome, result.measured, result.requests) == (PASSED, 1, (1,))
    assert went_well(trial(measured=3)).result().measured == 3


UNEARNED = {
    "nothing was measured": (trial(), "without having measured anything"),
    "it looked at nothing": (trial(saw(200)), "without looking at"),
    "it looked at one of two": (trial(looked_at(), saw(200)), "without looking at"),
    "one request had no answer": (trial(looked_at(), looked_at(NO_ANSWER)), "had no answer"),
    "one answer was throttled": (trial(looked_at(), looked_at(429)), "throttled"),
    "a number does not make up for a request without an answer": (trial(looked_at(NO_ANSWER), measured=5), "had no answer"),
    "a number does not make up for a request nobody looked at": (trial(saw(200), measured=5), "without looking at"),
}


@pytest.mark.parametrize("case", UNEARNED)
def test_a_pass_that_is_not_earned_is_inconclusive(case: str) -> None:
    subject, reason = UNEARNED[case]
    result = went_well(subject).result()
    assert result.outcome is INCONCLUSIVE
    assert reason in result.reason


def test_a_throttled_burst_may_pass() -> None:
    """A burst is sent in order to be throttled."""
    assert went_well(trial(looked_at(429, Safety.BURST))).result().outcome is PASSED


STAGES: dict[str, tuple[dict[str, BaseException | None], Outcome, str]] = {
    "setup breaks": ({"setup": RuntimeError("no drill"), "teardown": None}, ERROR, "RuntimeError: no drill"),
    "setup finds a fault": ({"setup": Unmet("an id", "none"), "teardown": None}, FAILED, "expected an id; saw none"),
    "setup cannot measure": ({"setup": Inconclusive("no answer"), "teardown": None}, INCONCLUSIVE, "no answer"),
    "setup skips": ({"setup": raised(lambda: pytest.skip("no")), "teardown": None}, NOT_RUN, "no"),
    "teardown breaks": ({"setup": None, "call": None, "teardown": OSError("disk full")}, ERROR, "OSError: disk full"),
    "teardown finds a fault": ({"setup": None, "call": None, "teardown": AssertionError("left behind")}, FAILED, "left behind"),
    "call fails and teardown breaks": ({"setup": None, "call": Unmet("a", "b"), "teardown": OSError("x")}, FAILED, "expected a; saw b"),
    "call is inconclusive and teardown breaks": (
        {"setup": None, "call": Inconclusive("unknown"), "teardown": OSError("x")},
        ERROR,
        "OSError: x",
    ),
    "call breaks and teardown fails": (
        {"setup": None, "call": KeyError("a"), "teardown": AssertionError("left behind")},
        FAILED,
        "left behind",
    ),
    "call skips and teardown breaks": (
        {"setup": None, "call": raised(lambda: pytest.skip("no")), "teardown": OSError("x")},
        ERROR,
        "OSError: x",
    ),
    "call skips": ({"setup": None, "call": raised(lambda: pytest.skip("later")), "teardown": None}, NOT_RUN, "later"),
    "call is never reached": ({"setup": None, "teardown": None}, NOT_RUN, "set up but not called"),
    "nothing is reached": ({}, NOT_RUN, "did not run"),
}


@pytest.mark.parametrize("case", STAGES)
def test_stages(case: str) -> None:
    """The worst stage decides, and its reason is told; what was measured before changes nothing."""
    stages, outcome, reason = STAGES[case]
    result = ended(trial(looked_at(), measured=1), **stages).result()
    assert result.outcome is outcome
    assert reason in result.reason


def test_a_failure_keeps_both_sides_and_its_kind() -> None:
    result = ended(trial(looked_at()), setup=None, call=Unmet("HTTP 403", "HTTP 200", "bypass"), teardown=OSError("x")).result()
    assert (result.expected, result.seen, result.kind) == ("HTTP 403", "HTTP 200", "bypass")


@pytest.mark.parametrize("error", [None, AssertionError("known")])
def test_xfail_is_an_error_whether_it_fails_or_passes(error: BaseException | None) -> None:
    subject = trial(looked_at())
    subject.stage("setup", None, xfail=False)
    subject.stage("call", error, xfail=True)
    subject.stage("teardown", None, xfail=False)
    assert subject.result().outcome is ERROR
    assert "xfail" in subject.result().reason


def test_the_fingerprint_is_that_of_the_finding() -> None:
    """The same finding has it in every run, whatever was seen this time; another finding has another."""

    def finding(control: str, expected: str, seen: str, kind: str = "") -> str:
        return ended(Trial(control, shown=[looked_at()]), setup=None, call=Unmet(expected, seen, kind)).result().fingerprint  # type: ignore[list-item]

    first = finding("X-1", "HTTP 403", "HTTP 200")
    assert first
    assert finding("X-1", "HTTP 403", "HTTP 201") == first
    others = [
        finding("X-2", "HTTP 403", "HTTP 200"),
        finding("X-1", "HTTP 401", "HTTP 200"),
        finding("X-1", "HTTP 403", "HTTP 200", "bypass"),
    ]
    assert len({first, *others}) == 4


@pytest.mark.parametrize(
    "told",
    [
        "X-Request-ID on HTTP 500 to be '{0}-224'",
        "nobody under gate-spoof-{0}",
        "event 7f0c2c1e-0000-4000-8000-{0} as it is stored",
        "no event later than the service's own clock (2026-11-27T17:45:0{1}.123456+00:00)",
        "a row for 2026-11-2{1}",
        "no event outside 2026-11-27T17:45:0{1}Z to 2026-11-27 17:46",
        "SHA-256 'ABCDEF0{1}ABCDEF00'",
    ],
)
def test_what_only_this_run_has_is_in_no_fingerprint(told: str) -> None:
    """Ids, times and digests change from run to run; a waiver is of the finding."""
    assert fingerprint("X-1", told.format("75597fca5ad9", 1), "") == fingerprint("X-1", told.format("0123456789ab", 2), "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTP 403 for BATCH-2026-02-0012", "HTTP 403 for BATCH-2026-02-0013"),
        ("the recall in under 10 s", "the recall in under 20 s"),
        ("GET /a as viewer to be refused", "GET /b as viewer to be refused"),
    ],
)
def test_what_the_finding_is_about_is_in_its_fingerprint(one: str, other: str) -> None:
    assert fingerprint("X-1", one, "") != fingerprint("X-1", other, "")


def test_a_failure_without_two_sides_is_known_by_its_reason() -> None:
    """Two of one control are two findings."""
    one, other, again = (
        ended(trial(looked_at()), setup=None, call=AssertionError(text)).result().fingerprint for text in ("no JSON", "no CSV", "no JSON")
    )
    assert one == again != other


@pytest.mark.parametrize("error", [AssertionError(), AssertionError(""), Inconclusive(), RuntimeError()])
def test_there_is_always_a_reason(error: BaseException) -> None:
    assert ended(trial(looked_at()), setup=None, call=error).result().reason.strip()


def test_a_long_message_is_told_in_one_line() -> None:
    result = ended(trial(looked_at()), setup=None, call=AssertionError("one\n\n  two\nthree\nfour")).result()
    assert result.reason == "one two three"


def test_flatten() -> None:
    one, two, three = saw(200), saw(201), saw(202)
    assert flatten({"a": one, "b": [two, {"c": (three,)}]}) == [one, two, three]
    assert flatten(None) == flatten([]) == flatten("text") == []
