"""Who may call what, in both directions: the access matrix of the profile, one control an endpoint.

No call here can write, even if its refusal is broken: bodies are of the wrong type, ids exist nowhere.
"""

from __future__ import annotations

from gate.api import Inconclusive, Phase, Safety, control, drill, equal, must_answer, must_refuse, observe, require

REFS = ["checklist 8", "OWASP API5:2023", "OWASP API2:2023", "ASVS 5.0 8.2.1", "WSTG-ATHZ-02"]


def shape(t, endpoint):
    place = [item.id for item in t.profile.endpoints].index(endpoint.id)
    return {
        "entitled": [t.call(endpoint, name) for name in t.entitled(endpoint)],
        # In turns by each documented form: a role check must not depend on the header that the token came in.
        "refused": [t.call(endpoint, name, scheme=(number + place) % len(t.schemes)) for number, name in enumerate(t.refused(endpoint))],
        "anonymous": t.call(endpoint),  # unknown tokens: PRE-003 and AUTH-015
    }


@control(
    "RBAC",
    "{method} {path} lets in exactly the roles that may call it",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    each="protected",
    covers=("B2", "B6", "B20", "D1", "D2", "D3", "D4", "D5", "D6", "D10", "D12", "O5", "V12", "W13"),
    why="A caller without the role could read or change what a recall or an audit relies on; one with it could be locked out of a recall.",
    mend="Correct the endpoint's role dependency, or the profile's `allow` if the contract has changed.",
)
@observe(shape)
def test_roles(observed, endpoint, t):
    for seen in observed["entitled"]:
        must_answer(seen, endpoint.allowed)
    proof = observed["entitled"][0]
    must_refuse(observed["anonymous"], proof, refusals=t.missing_status, admitted=endpoint.allowed)
    for seen in observed["refused"]:
        must_refuse(seen, proof, refusals=t.denied_status, admitted=endpoint.allowed)


@drill()
def guarded_calls(run, t):
    """Calls that have no harmless form, by those who may not make them.

    Each identity is first shown to be refused at the endpoint that shares the call's guard, and nobody else is tried after one who was let
    in: at most one run is started, and only by a service that is broken in a new way.
    """
    found = {}
    for endpoint in t.profile.endpoints:
        if endpoint.protected and endpoint.guarded_by is not None:
            guard, tries = t.profile.endpoint(endpoint.guarded_by), []
            proof = run.send(t.call(guard, t.entitled(guard)[0]))
            found[endpoint.id] = proof, tries
            for name in [None, *t.refused(endpoint)]:
                tries.append([run.send(t.call(guard, name))])
                if not turned_away(tries[-1][0], proof, guard, t):
                    break
                tries[-1].append(run.send(t.call(endpoint, name, safety=Safety.DENIED)))
                if tries[-1][1].response is None or tries[-1][1].response.status not in refusals_of(name, t):
                    break
    return found


def refusals_of(name, t):
    return t.denied_status if name else t.missing_status


def turned_away(seen, proof, guard, t):
    try:
        return must_refuse(seen, proof, refusals=refusals_of(seen.probe.identity, t), admitted=guard.allowed) is seen
    except (AssertionError, Inconclusive):
        return False  # the control that judges this says why


@control(
    "RBAC",
    "{method} {path} refuses everyone who may not call it",
    severity="critical",
    waivable=False,
    criterion="auth",
    phase=Phase.DRILLS,
    safety="denied",
    refs=REFS,
    each="guarded",
    covers=("B2", "D1", "D10", "Y8"),
    why="Anyone could start or disturb the daily cycle.",
    mend="Correct the endpoint's role dependency, or the profile's `allow` if the contract has changed.",
)
def test_guarded_roles(guarded_calls, endpoint, t, measured):
    guard = t.profile.endpoint(endpoint.guarded_by)
    proof, tries = guarded_calls[endpoint.id]
    measured([proof, *(seen for found in tries for seen in found)])
    for refusal, *let in tries:
        name = refusal.probe.identity
        must_refuse(refusal, proof, refusals=refusals_of(name, t), admitted=guard.allowed)
        (seen,) = let
        right = seen.status in refusals_of(name, t)
        require(right, f"{seen.probe} to be refused", f"HTTP {seen.status}", "bypass" if seen.status < 300 else "")
    equal([refusal.probe.identity for refusal, *_ in tries], [None, *t.refused(endpoint)], "who was tried")


@control(
    "READ",
    "{method} {path} answers a caller with a token",
    severity="high",
    criterion="errors",
    refs=["checklist 7"],
    each="open",
    covers=("T1",),
    why="Operators watch the service through these reads during and after a cutover.",
    mend="See the answer; the service's log has the request id.",
)
@observe(lambda t, endpoint: t.call(endpoint, next(reversed(t.profile.identities))))
def test_open_read_answers(observed, endpoint):
    must_answer(observed, endpoint.allowed)


@control(
    "OPEN",
    "{method} {path} refuses callers without a token",
    severity="medium",
    waivable=False,
    criterion="auth",
    basis="hardening",
    refs=["OWASP API2:2023", "ASVS 5.0 8.3.1"],
    each="open",
    covers=("B2",),
    why="Suppliers, customers, alerts and run times are visible to anyone who can reach the port.",
    mend="Put the endpoint behind the token dependency that its neighbours have.",
)
@observe(lambda t, endpoint: {"positive": t.call(endpoint, next(reversed(t.profile.identities))), "anonymous": t.call(endpoint)})
def test_open_read_refuses_strangers(observed, endpoint, t):
    must_refuse(observed["anonymous"], observed["positive"], refusals=t.missing_status, admitted=endpoint.allowed)


@control(
    "PUBLIC",
    "{method} {path} answers everyone",
    severity="medium",
    criterion="errors",
    refs=["checklist 3"],
    each="public",
    covers=("T1",),
    why="Load balancers and people look here first.",
    mend="See the answer; the service's log has the request id.",
)
@observe(lambda t, endpoint: t.call(endpoint))
def test_public_answers(observed, endpoint):
    must_answer(observed, endpoint.allowed)
