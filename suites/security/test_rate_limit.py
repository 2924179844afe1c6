"""Phase 3: the rate limit is exhausted once, on a path that is routed nowhere; what follows is judged from that one burst."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from gate.api import SUCCESS, Inconclusive, Phase, Safety, control, describe, equal, must_answer, pick, require

BURST: dict[str, Any] = {"phase": Phase.BURST, "safety": "burst"}
REFS = ["OWASP API4:2023", "ASVS 5.0 2.4.1", "checklist 1"]
WHY = "One client in a loop, or someone who tries tokens, takes the service away from everyone else."


@control(
    "RATE-001",
    "The rate limit lets through what is declared, and no more",
    severity="high",
    criterion="auth",
    **BURST,
    refs=REFS,
    feature="rate_limit",
    covers=("I1", "I2"),
    why=WHY,
    mend="Set RATE_LIMIT_ENABLED=true and RATE_LIMIT_REQUESTS; count in one place for all workers.",
)
def test_limit(burst, measured, t):
    measured(burst.sent)
    limit, admitted = t.settings.rate_limit_requests, len(burst.admitted)
    require(bool(burst.blocked), f"HTTP 429 after {limit} requests", f"none in {len(burst.sent)} requests")
    # Workers that count apart multiply the limit; a few requests more or less are the edges of a window.
    slack = max(2, limit // 100)
    require(limit - slack <= admitted <= limit + slack, f"{limit} requests to be let through (give or take {slack})", f"{admitted}")


@control(
    "RATE-002",
    "A throttled answer says when to come back",
    severity="medium",
    criterion="auth",
    **BURST,
    refs=[*REFS, "RFC 6585 4"],
    feature="rate_limit",
    covers=("I8",),
    why="Clients that are not told when to come back hammer on.",
    mend="Send Retry-After in seconds, at most the window.",
)
def test_retry_after(burst, measured, t):
    measured(burst.blocked)
    if not burst.blocked:
        raise Inconclusive("nothing was throttled, so there is no such answer to look at: see RATE-001")
    for seen in burst.blocked:
        seconds = retry_after(seen.answer.header("retry-after"))
        require(
            seconds is not None and 0 < seconds <= t.settings.rate_limit_window_seconds + 1,
            "Retry-After within the window",
            f"{seen.answer.header('retry-after')!r}",
        )


def retry_after(value):
    if value is None:
        return None
    if value.strip().isdigit():
        return int(value)
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


@control(
    "RATE-003",
    "A throttled answer has the documented code",
    severity="medium",
    criterion="errors",
    **BURST,
    refs=REFS,
    feature="rate_limit,errors",
    covers=("K12",),
    why="Clients cannot tell throttling from failure.",
    mend="Answer the envelope from the limiter too.",
)
def test_throttled_envelope(burst, measured, t):
    measured(burst.blocked[:1])
    if not burst.blocked:
        raise Inconclusive("nothing was throttled, so there is no such answer to look at: see RATE-001")
    body = burst.blocked[0].json()
    if t.profile.rate_limit.code:
        equal(pick(t.profile.errors.code_field, body), t.profile.rate_limit.code, f"'{t.profile.errors.code_field}'")
    if t.profile.rate_limit.retry_after_field:
        found = pick(t.profile.rate_limit.retry_after_field, body)
        told = f"seconds at '{t.profile.rate_limit.retry_after_field}'"
        require(not isinstance(found, bool) and isinstance(found, int) and found > 0, told, f"{found!r:.40}")
        header = retry_after(burst.blocked[0].answer.header("retry-after"))
        # A date says when, not how long: it may be read a moment after it was written.
        near = header is None or abs(found - header) <= (1 if float(header).is_integer() else 3)
        require(near, f"{told} to be those of Retry-After ({header})", f"{found}")


@control(
    "RATE-004",
    "A throttled answer carries its request's id",
    severity="low",
    criterion="errors",
    basis="hardening",
    **BURST,
    refs=["ASVS 5.0 16.4.1"],
    feature="rate_limit,errors",
    covers=("R1",),
    why="Operators cannot find out who was throttled.",
    mend="Put the limiter inside the middleware that sets the header.",
)
def test_throttled_request_id(burst, measured, t):
    measured(burst.blocked)
    if not burst.blocked:
        raise Inconclusive("nothing was throttled, so there is no such answer to look at: see RATE-001")
    for seen in burst.blocked:
        equal(seen.answer.header(t.profile.errors.request_id_header), seen.request_id, f"{t.profile.errors.request_id_header} on HTTP 429")


@control(
    "RATE-005",
    "The health check stays open while a client is throttled",
    severity="medium",
    criterion="errors",
    **BURST,
    refs=REFS,
    feature="rate_limit,health",
    why="A load balancer would take a healthy instance out because one client was too eager.",
    mend="Exempt the health check from the limiter.",
)
def test_exempt(burst, measured, t):
    seen = burst.while_blocked["exempt"]
    measured([seen])
    if not t.profile.rate_limit.exempt:
        raise Inconclusive("the profile names no exempt path")
    must_answer(seen)


@control(
    "RATE-006",
    "A throttled client cannot get through by claiming another address",
    severity="medium",
    criterion="auth",
    basis="hardening",
    **BURST,
    refs=REFS,
    feature="rate_limit",
    covers=("I3",),
    why="The limit would stop the honest only.",
    mend="Trust forwarding headers from your own proxy only (uvicorn: --forwarded-allow-ips), and count by address and path.",
)
def test_claimed_address(burst, measured, t):
    asked = burst.asked("spoofed")
    measured(list(asked.values()))
    if asked["spoofed"].status != 429 and t.settings.loopback:
        raise Inconclusive("a claimed address got through on loopback, where servers commonly trust it; test it through the real entrance")
    equal(asked["spoofed"].status, 429, "the status for a claimed address")


@control(
    "RATE-008",
    "Callers without a good token are throttled like others",
    severity="medium",
    criterion="auth",
    **BURST,
    refs=[*REFS, "WSTG-ATHN-03"],
    feature="rate_limit,auth",
    covers=("I6", "I7", "I10"),
    why="Someone who tries out tokens could do so as fast as the service answers.",
    mend="Count before authentication, by address.",
)
def test_strangers(burst, measured, t):
    asked = burst.asked("anonymous", "unknown token")
    measured(list(asked.values()))
    for name, seen in asked.items():
        if t.profile.rate_limit.scope == "token":
            require(seen.status not in SUCCESS, f"a refusal ({name})", describe(seen), "bypass")
        else:
            equal(seen.status, 429, f"the status while throttled ({name})")


@control(
    "RATE-009",
    "A throttled client is let in again when Retry-After says so",
    severity="medium",
    criterion="errors",
    **BURST,
    refs=[*REFS, "RFC 6585 4"],
    feature="rate_limit,short_window",
    covers=("I9",),
    why="One eager minute would lock a client out of a recall for good.",
    mend="Let requests leave the window when their time is over; count no refused ones.",
)
def test_reset(burst, measured, t, send):
    last = burst.while_blocked["at last"]
    measured([last])
    seconds = retry_after(last.answer.header("retry-after")) if last.status == 429 else 0.0
    require(seconds is not None and seconds <= t.settings.rate_limit_window_seconds + 1, "Retry-After within the window", f"{seconds}")
    time.sleep(max(0.0, seconds) + 0.5)
    seen = send(t.get(t.profile.rate_limit.burst_path, t.weakest, safety=Safety.BURST, note=f"{seconds:g} s later"))
    require(seen.status != 429, f"to be let in after {seconds:g} s", describe(seen), "unavailable")


@control(
    "RATE-010",
    "Exhausting one path takes from others what the declared scope says, and no more",
    severity="medium",
    criterion="errors",
    **BURST,
    refs=REFS,
    feature="rate_limit,auth",
    covers=("I4",),
    why="Whoever reloads a dashboard too often could not start a recall any more.",
    mend="Count as `rate_limit.scope` of the profile says, or correct it if the contract has changed.",
)
def test_other_path(burst, measured, t):
    asked = burst.asked("elsewhere")
    measured(list(asked.values()))
    if t.profile.rate_limit.scope == "client+path":
        must_answer(asked["elsewhere"])
    else:
        equal(asked["elsewhere"].status, 429, "the status of another path while throttled")


@control(
    "RATE-011",
    "A throttled client cannot get through by another header, identity, verb or query",
    severity="medium",
    criterion="auth",
    **BURST,
    refs=REFS,
    feature="rate_limit",
    covers=("I5",),
    why="The limit would stop the honest only.",
    mend="Count by what the caller cannot choose: address and path.",
)
def test_bypass(burst, measured, t):
    # Where tokens are counted, another identity is another caller.
    others = [] if t.profile.rate_limit.scope == "token" or len(t.profile.identities) == 1 else ["other identity"]
    asked = burst.asked("other form", "HEAD", "POST", "query", "bare mark", *others)
    measured(list(asked.values()))
    for name, seen in asked.items():
        equal(seen.status, 429, f"the status while throttled ({name})")
