"""Headers of proxies, sent by a caller: none of them may open a door, choose a path, or crash the service."""

from __future__ import annotations

import json

from gate.api import control, describe, equal, must_answer, observe, require

REFS = ["OWASP API5:2023", "ASVS 5.0 4.1.3", "WSTG-ATHZ-02"]
STRIP = "Strip such headers at the edge and never read them in the service."
ADDRESSES = (
    "X-Forwarded-For",
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "X-Originating-IP",
    "X-Remote-IP",
    "CF-Connecting-IP",
    "X-Custom-IP-Authorization",
)
ROLES = ("X-Role", "X-Roles", "X-User-Role", "X-User-Roles", "X-User")
SWITCHES = ("X-Admin", "X-Internal")
LARGE = 16_000


def attacks(t):
    """By name: the query and the headers of each attack on a guard of roles."""
    power = next(iter(t.profile.identities.values())).roles[0]
    roles = [(name, power) for name in ROLES] + [(name, "true") for name in SWITCHES]
    here = [(name, "127.0.0.1") for name in ADDRESSES] + [("Forwarded", "for=127.0.0.1"), ("X-Forwarded-Host", "localhost")]
    names = ", ".join(form["header"] for form in t.schemes)
    return {
        "address": ({}, here),
        "role": ({"role": power, "roles": power, "is_admin": "true", "user_id": power}, roles),
        "hop": ({}, [("Connection", f"close, {names}, X-Forwarded-For")]),
    }


def at_guard(t, query, headers, note):
    read = t.guarded_read
    return t.get(read.path, t.refused(read)[-1], query=query, headers=headers, provokes=True, note=note)


def all_at_guard(t):
    """Every attack in one request by an identity without the role, beside its plain call and that of one who may."""
    read, parts = t.guarded_read, attacks(t).values()
    query = {key: value for part, _ in parts for key, value in part.items()}
    together = at_guard(t, query, [header for _, some in parts for header in some], "claims a role, an address and more")
    return {"positive": t.call(read, t.entitled(read)[-1]), "plain": t.call(read, t.refused(read)[-1]), "together": together}


def judge(observed, t, apart, mine):
    alone = {name: at_guard(t, query, headers, f"claims: {name}") for name, (query, headers) in attacks(t).items()}
    apart(observed, alone, mine, t.denied_status)


@control(
    "HDR-002",
    "Who lacks the role is refused whatever address he claims",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("H2",),
    why="One header would be enough to read the audit trail.",
    mend=STRIP,
)
@observe(all_at_guard)
def test_claimed_address(observed, t, apart):
    judge(observed, t, apart, "address")


@control(
    "HDR-003",
    "Who lacks the role is refused whatever role he claims, in headers or in the query",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=[*REFS, "ASVS 5.0 15.3.4"],
    feature="auth",
    covers=("D7",),
    why="Anyone with a token could make himself an administrator.",
    mend="Take roles from the token's own entry only.",
)
@observe(all_at_guard)
def test_claimed_role(observed, t, apart):
    judge(observed, t, apart, "role")


@control(
    "HDR-005",
    "Credentials that the caller has the edge strip do not make him someone else",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=[*REFS, "CWE-444"],
    feature="auth",
    covers=("H5",),
    why="What arrives without credentials may be taken for a call from inside.",
    mend="Ignore credential headers named in Connection; treat a call without a token as refused, wherever it comes from.",
)
@observe(all_at_guard)
def test_hop_by_hop(observed, t, apart):
    judge(observed, t, apart, "hop")


def at_health(t, *names):
    nowhere = f"/gate-nowhere-{t.run_id}"
    parts = {
        "rewrite": [("X-Original-URL", nowhere), ("X-Rewrite-URL", nowhere)],
        "large": [("X-Gate-Large", "x" * LARGE)],
        "origin": [("Origin", t.strange_origin), ("Cookie", "gate_probe=1")],
    }
    headers = [header for name in names for header in parts[name]]
    return t.get(t.profile.health.path, headers=headers, provokes=bool(names), note=" and ".join(names))


def at_health_together(t):
    return {"plain": at_health(t), "together": at_health(t, "rewrite", "large", "origin")}


def shape_of(seen):
    """What an answer is, without what may change from one to the next: status, type, and the names in it."""
    try:
        body = json.loads(seen.answer.body)
    except ValueError:
        body = None
    return seen.status, seen.media_type, sorted(body) if isinstance(body, dict) else None


@control(
    "HDR-001",
    "A header does not choose what is served",
    severity="high",
    criterion="auth",
    refs=["WSTG-ATHZ-02", "CWE-436"],
    feature="health",
    covers=("H1",),
    why="What the edge forbids by path is reached by asking for a public path and naming the other one in a header.",
    mend="Drop X-Original-URL and X-Rewrite-URL at the edge and never read them in the service.",
)
@observe(at_health_together)
def test_rewrite(observed, t, send):
    plain = shape_of(must_answer(observed["plain"]))
    if shape_of(observed["together"]) != plain:
        equal(shape_of(send(at_health(t, "rewrite"))), plain, "the answer with X-Original-URL and X-Rewrite-URL")


@control(
    "HDR-007",
    "A large header is no crash",
    severity="medium",
    criterion="errors",
    refs=["OWASP API4:2023", "CWE-770"],
    feature="health",
    covers=("H7",),
    why="Anyone could fill the error log and hide a real failure in it.",
    mend="Answer 431 or take the header.",
)
@observe(at_health_together)
def test_large_header(observed, t, send):
    must_answer(observed["plain"])
    seen = observed["together"] if observed["together"].status < 500 else send(at_health(t, "large"))
    require(seen.status < 500, f"no crash on a header of {LARGE} bytes", describe(seen), "crash")
