"""Verbs: claimed ones, unknown ones, TRACE, those that would change the audit trail, and reads that write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gate.api import (
    SUCCESS,
    Lacking,
    Phase,
    Safety,
    Unmet,
    control,
    describe,
    must_answer,
    must_keep_out,
    observe,
    pick,
    require,
    same_answer,
)

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
READS = ("DENIED", "REFUS", "READ", "VIEW", "LIST", "DOWNLOAD", "EXPORT", "LOGIN", "AUTHENTICAT")
ROUNDS = 3
CANARY = "gate-trace-canary"


def ghost_write(t):
    """A write to an id that exists nowhere; best one that GET does not share a path with."""
    found = [
        item
        for item in t.profile.endpoints
        if item.protected and item.method not in SAFE and not item.guarded_by and "{ghost_uuid}" in item.path and t.entitled(item)
    ]
    if not found:
        raise Lacking("the profile has no write to {ghost_uuid}")
    return min(found, key=lambda item: item.method == "POST")


def overriding(t):
    endpoint = ghost_write(t)
    headers = [(name, endpoint.method) for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method")]
    query = {"_method": endpoint.method}
    return t.get(endpoint.path, t.entitled(endpoint)[-1], query=query, headers=headers, note=f"claims to be {endpoint.method}")


@control(
    "VERB-001",
    "A verb that is claimed in a header or in the query is not honoured",
    severity="high",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=["WSTG-INPV-03", "ASVS 5.0 4.1.4", "CWE-650"],
    feature="auth",
    covers=("F1",),
    why="A link or a picture on any page could write; what filters by verb would be passed.",
    mend="Remove method override from the framework's configuration.",
)
@observe(lambda t: {"positive": t.call(ghost_write(t), t.entitled(ghost_write(t))[-1]), "attack": overriding(t)})
def test_method_override(observed, t, send):
    endpoint, attack = ghost_write(t), observed["attack"]
    must_answer(observed["positive"], endpoint.allowed)
    if attack.status == 405:
        return  # the verb that was claimed is allowed there: it was not looked at
    plain = send(t.get(endpoint.path, t.entitled(endpoint)[-1], note="plain"))
    bodies = [seen.answer.body.replace(seen.request_id.encode(), b"") for seen in (attack, plain)]
    same = attack.status == plain.status and bodies[0] == bodies[1]
    require(same, f"the answer of a plain GET ({describe(plain)})", describe(attack), "bypass")


@control(
    "AUTH-018",
    "HEAD and OPTIONS tell callers without a token nothing that GET does not",
    severity="high",
    criterion="auth",
    safety="denied",
    refs=["OWASP API2:2023", "WSTG-CONF-06"],
    feature="auth",
    covers=("B14", "B15"),
    why="A guard that knows GET and POST only leaves the same data open under another verb.",
    mend="Put every verb of a route behind the same guard; answer OPTIONS without data.",
)
@observe(
    lambda t: {
        "positive": t.call(t.guarded_read, t.entitled(t.guarded_read)[-1]),
        "head": t.request("HEAD", t.guarded_read.path),
        "options": t.request("OPTIONS", t.guarded_read.path),
    }
)
def test_other_safe_verbs(observed):
    must_keep_out(observed["head"], observed["positive"])
    options, proof = observed["options"], must_answer(observed["positive"])
    told = options.status in SUCCESS and options.media_type.endswith("json") and options.answer.body.strip()
    require(not told and not same_answer(options, proof), "no data in an answer to OPTIONS", describe(options), "bypass")
    require(options.status < 500 or options.status == 501, "no crash", describe(options), "crash")


@control(
    "VERB-002",
    "A verb that nobody knows is not handled like GET",
    severity="high",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=["WSTG-CONF-06", "ASVS 5.0 4.1.4"],
    feature="auth",
    covers=("F3",),
    why="A guard that lists verbs does not stop one that is on no list.",
    mend="Answer 405 to every verb that a route does not declare.",
)
@observe(
    lambda t: {
        "positive": t.call(t.guarded_read, t.entitled(t.guarded_read)[-1]),
        "attack": t.request("ABC", t.guarded_read.path, provokes=True),
    }
)
def test_unknown_verb(observed):
    must_keep_out(observed["attack"], observed["positive"])


def tracing(t):
    return t.request("TRACE", t.profile.auth.whoami, identity=t.weakest, headers=[("X-Gate-Canary", CANARY)], provokes=True)


@control(
    "VERB-003",
    "TRACE returns neither headers nor tokens",
    severity="medium",
    criterion="auth",
    refs=["WSTG-CONF-06", "ASVS 5.0 13.4.4"],
    feature="auth",
    covers=("F4",),
    why="Scripts could read credentials that browsers and proxies add.",
    mend="Switch TRACE off, in the service and at the edge.",
)
@observe(lambda t: {"positive": t.get(t.profile.auth.whoami, t.weakest), "attack": tracing(t)})
def test_trace(observed, t):
    must_answer(observed["positive"])
    attack = observed["attack"]
    body = attack.answer.body
    require(CANARY.encode() not in body, "no header of the request in the answer", f"HTTP {attack.status} repeats them", "bypass")
    require(t.settings.tokens[t.weakest].encode() not in body, "no token in the answer", f"HTTP {attack.status} repeats it", "bypass")


def changes(t):
    path = t.profile.audit_events.path.partition("?")[0] + "/{ghost_uuid}"
    identity = next(iter(t.profile.identities))
    return [t.request(method, path, identity=identity, json={}, provokes=True) for method in ("DELETE", "PATCH")]


@control(
    "VERB-005",
    "There is no verb that changes or deletes an audit event, not even for the strongest identity",
    severity="critical",
    criterion="audit",
    safety="denied",
    refs=["ASVS 5.0 16.4.2", "CWE-650"],
    feature="auth,audit_events",
    covers=("F2", "V7"),
    why="A trail that can be edited proves nothing to an auditor.",
    mend="Remove the route; let the service's database user only insert into the trail.",
)
@observe(lambda t: {"positive": t.get(t.profile.auth.whoami, next(iter(t.profile.identities))), "attacks": changes(t)})
def test_trail_is_not_editable(observed, t):
    must_answer(observed["positive"])
    refusals = {404, 405, 501, *t.missing_status, *t.denied_status}
    for seen in observed["attacks"]:
        kind = "bypass" if seen.status in SUCCESS else "crash" if seen.status >= 500 else ""
        require(seen.status in refusals, f"{seen.probe} to be refused as not allowed", describe(seen), kind)


def moment(text):
    """A time as a moment; without an offset it is taken as UTC (SHAPE-001 judges that)."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def actions(seen, events, user, since=None):
    """The events of a list in that user's name, reads and refusals aside, from a moment on: id to action."""
    found = {}
    for row in pick(events.rows, must_answer(seen).json()) or []:
        name, at = str(pick(events.action_field, row)), moment(pick(events.time_field or "event_time", row))
        late = since is None or (at is not None and at >= since)
        if late and pick(events.actor_field, row) == user and not any(word in name.upper() for word in READS):
            found[pick(events.id_field, row)] = name
    return found


@control(
    "VERB-004",
    "Reading writes nothing: no action in the reader's name comes of it",
    severity="medium",
    criterion="audit",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 3.5.3", "RFC 9110 9.2.1"],
    feature="auth,audit_events",
    covers=("F5",),
    why="Whoever looks at a trace would stand in the trail as one who simulated a recall; retries and previews would write.",
    mend="Write in POST, PUT and PATCH only.",
)
@observe(lambda t: t.get(t.profile.auth.whoami, t.weakest))
def test_reads_do_not_write(observed, t, run, send, measured):
    events, user = t.profile.audit_events, pick(t.profile.auth.user_field or "@", must_answer(observed).json())
    own = [item for item in run.observations if item.probe.identity == t.weakest and item.response and item.response.status in SUCCESS]
    reads = {item.probe.target: item.probe for item in own if item.probe.method == "GET" and item.probe.safety is Safety.READ}
    measured(len(own))
    listed = longest_list(run, events) or send(t.get(events.path, events.identity))
    written = sum(item.probe.method not in SAFE and item.number < listed.number for item in own)
    skew = run.client.identity["clock_skew_seconds"] or 0.0
    began = moment(min(seen.started_at for seen in run.observations)) + timedelta(seconds=float(skew))
    if len(actions(listed, events, user, began)) <= written:
        return
    # More events than writes. Others may use the same account: only what comes of every round of reads comes of reading.
    always = set.intersection(*(round_of_reads(run, t, list(reads.values()), user) for _ in range(ROUNDS)))
    if always:
        raise Unmet("no action of a reader", f"{', '.join(sorted(always))} in the name of {user} after each round of reads", "bypass")


def longest_list(run, events):
    """The longest answer of the run that lists events, so that it need not be read once more."""
    path = events.path.partition("?")[0]
    found = [
        item
        for item in run.observations
        if item.probe.method == "GET" and item.probe.target.partition("?")[0] == path and item.response and item.response.status == 200
    ]
    return max(found, key=lambda item: len(item.response.body), default=None)


def round_of_reads(run, t, reads, user):
    """The actions that are new after all reads were made once more."""
    events = t.profile.audit_events
    before = actions(run.send(t.get(events.path, events.identity, fresh=True, note="before the reads")), events, user)
    run.client.send_all([replace(probe, note="once more", fresh=True) for probe in reads])
    after = actions(run.send(t.get(events.path, events.identity, fresh=True, note="after the reads")), events, user)
    return {name for number, name in after.items() if number not in before}
