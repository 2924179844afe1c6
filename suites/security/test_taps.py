"""Phase 4: what all answers of the run together show, and whether the run still means what it meant at its start."""

from __future__ import annotations

import re

from gate.api import Phase, Unmet, control, describe, equal, must_answer, observe, pick, require

INSIDE = re.compile(
    rb"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+|psycopg|asyncpg|sqlalchemy|SQLSTATE|relation \"[^\"]+\" does not exist"
    rb"|duplicate key value violates|syntax error at or near|Werkzeug|/site-packages/",
    re.IGNORECASE,
)
VERSION = re.compile(r"\d+\.\d+")


def answered(run):
    return [seen for seen in run.observations if seen.response is not None]


@control(
    "TAP-001",
    "No answer of the run to a well-formed request was a server error, and none failed to come",
    severity="high",
    criterion="errors",
    phase=Phase.CLOSING,
    refs=["checklist 8", "OWASP API8:2023"],
    covers=("T1", "T2", "T3"),
    why="Errors in a quiet run of some hundred requests are an error spike under load; a retry that worked does not undo the first answer.",
    mend="Find the requests by their ids in the service's log.",
)
def test_no_server_errors(run, measured):
    seen = [item for item in run.observations if not item.probe.provokes]
    measured(len(seen))
    bad = [item for item in seen if item.response is None or item.response.status >= 500]
    if bad:
        raise Unmet("no server error and no lost answer", f"{len(bad)} of {len(seen)}: " + "; ".join(map(describe, bad[:3])), "unavailable")


@control(
    "TAP-002",
    "Every answer carries its request's id",
    severity="medium",
    criterion="errors",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 16.4.1"],
    feature="errors",
    covers=("R1",),
    why="An answer without it cannot be found in the service's log.",
    mend="Set the header in the outermost middleware.",
)
def test_request_ids(run, measured, t):
    # 429 and answers to malformed requests have controls of their own (RATE-004, ERR-005): known gaps there must not hide new ones here.
    # Preflights are the browser's own, and are answered before the application.
    seen = [item for item in answered(run) if not item.probe.provokes and item.response.status != 429 and item.probe.method != "OPTIONS"]
    measured(len(seen))
    for item in seen:
        equal(
            item.response.header(t.profile.errors.request_id_header),
            item.request_id,
            f"{t.profile.errors.request_id_header} of {item.probe}",
        )


@control(
    "TAP-003",
    "No answer shows the inside of the service: tracebacks, SQL, driver names, paths of its code",
    severity="high",
    criterion="errors",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 16.5.1", "WSTG-ERRH-02"],
    covers=("I11", "K1", "K2", "K3", "K6"),
    why="It tells an attacker what to try next, and can hold data of others.",
    mend="Log the exception, answer the envelope.",
)
def test_no_inside(run, measured):
    measured(len(answered(run)))
    for item in answered(run):
        found = INSIDE.search(item.response.body)
        require(found is None, "nothing about the inside", f"{found and found[0]!r:.80} in the answer to {item.probe}")


@control(
    "TAP-004",
    "No answer repeats a token",
    severity="critical",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=["OWASP API2:2023", "ASVS 5.0 14.2.1"],
    covers=("C11",),
    why="Tokens end in logs, caches and screenshots.",
    mend="Never echo headers or rejected input.",
)
def test_no_token_echo(run, measured, t):
    measured(len(answered(run)))
    tokens = {name: token.encode() for name, token in t.settings.tokens.items()}
    for item in answered(run):
        head = "\n".join(value for _, value in item.response.headers).encode("latin-1", "replace")
        for name, token in tokens.items():
            require(
                token not in item.response.body and token not in head,
                "no token in any answer",
                f"the {name} token in the answer to {item.probe}",
                "bypass",
            )


@control(
    "TAP-005",
    "Answers to callers with a token may not be stored by caches",
    severity="medium",
    criterion="auth",
    basis="hardening",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 14.3.2"],
    covers=("P1",),
    why="A shared cache could hand one caller's data to the next.",
    mend="Send Cache-Control: no-store.",
)
def test_not_cacheable(run, measured):
    seen = [item for item in answered(run) if item.probe.identity and item.response.status == 200]
    measured(len(seen))
    for item in seen:
        value = (item.response.header("cache-control") or "").lower()
        require("no-store" in value or "private" in value, "Cache-Control: no-store", f"{value!r} on {item.probe}")


@control(
    "TAP-006",
    "Answers say that their type must not be guessed, and no banner tells versions",
    severity="low",
    criterion="errors",
    basis="hardening",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 13.4.6"],
    covers=("K4", "P4"),
    why="Small helps for an attacker.",
    mend="Send X-Content-Type-Options: nosniff; no version in Server, no X-Powered-By.",
)
def test_hygiene_headers(run, measured):
    seen = [item for item in answered(run) if item.response.body]
    measured(len(seen))
    for item in seen:
        equal((item.response.header("x-content-type-options") or "").lower(), "nosniff", f"X-Content-Type-Options of {item.probe}")
        banner = f"{item.response.header('server') or ''} {item.response.header('x-powered-by') or ''}"
        require(not VERSION.search(banner), "no version in banners", f"{banner.strip()!r:.80}")


@control(
    "RUN-001",
    "At the end of the run every token still works and means the same",
    severity="critical",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=["OWASP API2:2023"],
    feature="auth",
    covers=("A11",),
    why="If a token had died in mid-run, every refusal after it would look like good access control.",
    mend="Run again with tokens that outlive the run.",
)
@observe(lambda t: {name: t.get(t.profile.auth.whoami, name, fresh=True, note="closing") for name in t.profile.identities})
def test_tokens_still_valid(observed, t):
    for name, seen in observed.items():
        roles = pick(t.profile.auth.roles_field, must_answer(seen).json())
        equal(sorted(roles or []), sorted(t.profile.identities[name].roles), f"the roles of {name}")


@control(
    "RUN-002",
    "Every identity was let in somewhere, and whoever lacks a role was refused somewhere",
    severity="high",
    criterion="auth",
    phase=Phase.CLOSING,
    feature="auth",
    covers=("A2",),
    why="A service that refuses everyone, or no one, would make half of the controls pass by accident.",
    mend="See the access matrix: the profile must give each identity something it may and something it may not do.",
)
def test_both_directions(run, measured, t):
    seen = answered(run)
    measured(len(seen))
    for name, identity in t.profile.identities.items():
        statuses = {item.response.status for item in seen if item.probe.identity == name}
        require(any(200 <= status < 300 for status in statuses), f"{name} to be let in somewhere", f"statuses {sorted(statuses)}")
        if not identity.passes_every_role and any(not endpoint.admits(identity) for endpoint in t.profile.endpoints):
            require(bool(statuses & set(t.denied_status)), f"{name} to be refused somewhere", f"statuses {sorted(statuses)}")
