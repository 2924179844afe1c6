"""Phase 4: what all answers of the run together show, and whether the run still means what it meant at its start."""

from __future__ import annotations

from collections import Counter

from gate.api import Phase, Safety, Unmet, control, describe, equal, must_answer, observe, pick, require


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
    "TAP-013",
    "A valid token, sent as documented, was never refused as unknown",
    severity="high",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=["OWASP API2:2023", "ASVS 5.0 7.2.1"],
    feature="auth",
    covers=("C4", "T2"),
    why="One replica with an old token map locks people out now and then, in the middle of a recall.",
    mend="Give every replica the same token map, and restart those that have an old one.",
)
def test_valid_tokens(run, measured, t):
    usual = {"content-type", "accept", "origin"}
    seen = [item for item in answered(run) if own_token(item.probe, t, usual) and "//" not in item.probe.target]
    measured(len(seen))
    bad = [item for item in seen if item.response.status == 401]
    require(not bad, "no 401 to a valid token", f"{len(bad)} of {len(seen)}: " + "; ".join(map(describe, bad[:3])), "unavailable")


def own_token(probe, t, usual):
    """Whether the probe carries its identity's own token, once, in a documented form, and nothing that could be taken for another."""
    if probe.identity not in t.settings.tokens or probe.provokes:
        return False
    credentials = tuple(header for header in probe.headers if header[0].lower() not in usual)
    return any(credentials == t.credential(probe.identity, scheme=number) for number in range(len(t.schemes)))


@control(
    "RATE-014",
    "The gate was hardly ever throttled while it kept within the declared limit",
    severity="medium",
    criterion="errors",
    phase=Phase.CLOSING,
    refs=["OWASP API4:2023", "RFC 6585 4"],
    feature="rate_limit",
    covers=("I1", "I8"),
    why="Operators are turned away although they keep to what was agreed, in a recall of all times.",
    mend="Set the deployment's RATE_LIMIT_* to what is declared; count per client and path; send Retry-After.",
)
def test_hardly_throttled(run, measured, t):
    seen = [item for item in answered(run) if item.probe.safety is not Safety.BURST]
    measured(len(seen))
    throttled = [item for item in seen if item.response.status == 429]
    silent = [item for item in throttled if not (item.response.header("retry-after") or "").strip()]
    # On a path that the gate itself calls often, a run just before this one may have used up the window. Where the gate sends next to
    # nothing, hundreds of requests by others would have to explain it.
    sent = Counter(path_of(item) for item in seen)
    early = [item for item in throttled if sent[path_of(item)] <= t.settings.rate_limit_requests / 10]
    require(
        len(early) <= 2,
        "two throttled answers at most on paths that the gate calls seldom",
        f"{len(early)}: " + "; ".join(map(describe, early[:3])),
    )
    require(not silent, "Retry-After with every throttled answer", "; ".join(map(describe, silent[:3])))


def path_of(seen):
    """The path that a limiter counts."""
    return seen.probe.target.partition("?")[0]


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
