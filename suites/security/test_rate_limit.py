"""Phase 3: the rate limit is exhausted once, on a path that is routed nowhere; what follows is judged from that one burst."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gate.api import Inconclusive, Phase, control, equal, must_answer, pick, require

REFS = ["OWASP API4:2023", "ASVS 5.0 2.4.1", "checklist 1"]
WHY = "One client in a loop, or someone who tries tokens, takes the service away from everyone else."


@control(
    "RATE-001",
    "The rate limit lets through what is declared, and no more",
    severity="high",
    criterion="auth",
    phase=Phase.BURST,
    safety="burst",
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
    phase=Phase.BURST,
    safety="burst",
    refs=[*REFS, "RFC 6585 4"],
    feature="rate_limit",
    covers=("I8",),
    why="Clients that are not told when to come back hammer on.",
    mend="Send Retry-After in seconds, at most the window.",
)
def test_retry_after(burst, measured, t):
    measured(burst.blocked)
    require(bool(burst.blocked), "a throttled answer", "none")
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
    phase=Phase.BURST,
    safety="burst",
    refs=REFS,
    feature="rate_limit,errors",
    covers=("K12",),
    why="Clients cannot tell throttling from failure.",
    mend="Answer the envelope from the limiter too.",
)
def test_throttled_envelope(burst, measured, t):
    measured(burst.blocked[:1])
    require(bool(burst.blocked), "a throttled answer", "none")
    body = burst.blocked[0].json()
    if t.profile.rate_limit.code:
        equal(pick(t.profile.errors.code_field, body), t.profile.rate_limit.code, f"'{t.profile.errors.code_field}'")
    if t.profile.rate_limit.retry_after_field:
        found = pick(t.profile.rate_limit.retry_after_field, body)
        require(
            not isinstance(found, bool) and isinstance(found, int) and found > 0,
            f"seconds at '{t.profile.rate_limit.retry_after_field}'",
            f"{found!r:.40}",
        )


@control(
    "RATE-004",
    "A throttled answer carries its request's id",
    severity="low",
    criterion="errors",
    basis="hardening",
    phase=Phase.BURST,
    safety="burst",
    refs=["ASVS 5.0 16.4.1"],
    feature="rate_limit,errors",
    covers=("R1",),
    why="Operators cannot find out who was throttled.",
    mend="Put the limiter inside the middleware that sets the header.",
)
def test_throttled_request_id(burst, measured, t):
    measured(burst.blocked)
    require(bool(burst.blocked), "a throttled answer", "none")
    for seen in burst.blocked:
        equal(seen.answer.header(t.profile.errors.request_id_header), seen.request_id, f"{t.profile.errors.request_id_header} on HTTP 429")


@control(
    "RATE-005",
    "The health check stays open while a client is throttled",
    severity="medium",
    criterion="errors",
    phase=Phase.BURST,
    safety="burst",
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
    "A throttled client cannot get through by claiming another address or by sending its token in another header",
    severity="medium",
    criterion="auth",
    basis="hardening",
    phase=Phase.BURST,
    safety="burst",
    refs=REFS,
    feature="rate_limit",
    covers=("I3", "I5"),
    why="The limit would stop the honest only.",
    mend="Trust forwarding headers from your own proxy only (uvicorn: --forwarded-allow-ips), and count by address and path.",
)
def test_bypass(burst, measured, t):
    asked = [burst.while_blocked[name] for name in ("again", "spoofed", "other form", "at last")]
    measured(asked)
    again, spoofed, other, last = asked
    if again.status != 429 or last.status != 429:
        raise Inconclusive("the client was not throttled all the time, so that getting through proves nothing")
    if spoofed.status != 429 and t.settings.loopback:
        raise Inconclusive("a claimed address got through on loopback, where servers commonly trust it; test it through the real entrance")
    equal(spoofed.status, 429, "the status for a claimed address")
    equal(other.status, 429, "the status for the token in the other header")
