"""What a body may be: its kind, type, encoding and numbers; and how large and of which type an answer is."""

from __future__ import annotations

import json

from gate.api import Inconclusive, Phase, Safety, control, describe, must_answer, observe, pick, require

REFS = ["OWASP API8:2023"]
NOISE = "Errors that anyone can cause at will hide the real ones."
ODD = "text/html, application/xml;q=0.9, gate/;;q=x, */*;q=0"


def withstood(seen):
    """The service may take it or refuse it, but it does not crash."""
    require(seen.status < 500, f"{seen.probe} to be answered without a crash", f"HTTP {seen.status}", "crash")
    return seen


def refused(seen):
    """It is refused, without a crash."""
    require(400 <= withstood(seen).status < 500, f"{seen.probe} to be refused with 400, 415 or 422", f"HTTP {seen.status}")


def written(t, body, note, *more):
    """A write that cannot succeed, with exactly this body."""
    endpoint = t.profile.endpoint(t.profile.inputs.number_write)
    sent = [("Content-Type", "application/json"), *more]
    return t.request(endpoint.method, endpoint.path, identity=t.entitled(endpoint)[0], body=body, headers=sent, provokes=True, note=note)


def recall_as(t, media_type):
    """A recall of a batch that does not exist: right in everything but its type."""
    recall = t.profile.recall
    probe = t.request(recall.method, recall.path, json=recall.ghost_body, identity=recall.identity)
    parts = {"body": probe.body, "headers": [("Content-Type", media_type)], "safety": Safety.DRILL, "provokes": True}
    return t.request(recall.method, recall.path, identity=recall.identity, note=f"JSON as {media_type}", **parts)


@control(
    "BODY-001",
    "JSON that calls itself text or a form is not taken for JSON",
    severity="medium",
    basis="hardening",  # the contract says nothing of media types, and a page elsewhere cannot send this service's headers unasked
    criterion="auth",
    phase=Phase.DRILLS,
    safety="drill",
    refs=["OWASP API8:2023", "ASVS 5.0 3.5.2", "CWE-352"],
    feature="recall",
    covers=("Q4",),
    why="A page elsewhere can make a browser send such bodies without asking first: once a cookie logs people in, in their name.",
    mend="Read JSON only where Content-Type says application/json; answer 415 or 422.",
)
@observe(lambda t: [recall_as(t, "text/plain"), recall_as(t, "application/x-www-form-urlencoded")])
def test_types(observed, run, send, t):
    for seen in observed:
        refusal = withstood(seen).status in (400, 401, 403, 406, 415, 422)
        require(refusal, f"{seen.probe} to be refused with 415 or 422", f"taken: {describe(seen)}")
    # The proof: the same words as JSON are understood. REC-010 has asked, except where its suite was left out.
    path, ghost = t.fill(t.profile.recall.path), t.ghost_batch.encode()
    asked = [
        item for item in run.observations if item.probe.target == path and ghost in (item.probe.body or b"") and not item.probe.provokes
    ]
    asked = asked or [send(recall_as(t, "application/json"))]
    if not any(item.response is not None and item.response.status in (200, 404) for item in asked):
        raise Inconclusive("the same body as JSON was not understood either, so that a refusal proves nothing")


@control(
    "BODY-002",
    "A body in an unknown or broken encoding does not crash the service",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=REFS,
    feature="inputs",
    covers=("Q6",),
    why=NOISE,
    mend="Answer 415 to encodings that are not supported, and 400 to bodies that are not what they claim.",
)
@observe(lambda t: written(t, b"no gzip", "not gzip", ("Content-Encoding", "gzip")))
def test_encodings(observed):
    refused(observed)


@control(
    "INJ-005",
    "NaN and infinity in a body are refused",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=[*REFS, "WSTG-INPV-05"],
    feature="inputs",
    covers=("L7",),
    why="A NaN passes every comparison with a limit: no alert would ever be raised for it.",
    mend="Refuse numbers that are not finite (pydantic: allow_inf_nan=False).",
)
@observe(lambda t: written(t, with_no_numbers(t), "NaN and infinities"))
def test_no_numbers(observed):
    refused(observed)


def with_no_numbers(t):
    """The write's harmless body, and beside it what only looks like numbers."""
    inputs = t.profile.inputs
    harmless = t.fill(t.profile.endpoint(inputs.number_write).body)
    text = json.dumps({**harmless, inputs.number_field: "NOT", "gate_high": "HIGH", "gate_far": "FAR"})
    return text.replace('"NOT"', "NaN").replace('"HIGH"', "Infinity").replace('"FAR"', "1e999").encode()


@control(
    "INJ-011",
    "A body of the wrong kind is refused",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=[*REFS, "WSTG-INPV-05"],
    feature="inputs",
    covers=("Q3", "L12"),
    why=NOISE,
    mend="Declare the body's model, so that a list is refused with 422.",
)
@observe(lambda t: written(t, b"[]", "a list"))
def test_list_as_body(observed):
    refused(observed)


def page(t, limit, **parts):
    inputs = t.profile.inputs
    return t.get(inputs.list, inputs.identity, query={inputs.limit_query: limit}, **parts)


@control(
    "BODY-003",
    "The size of a page is bounded, and kept",
    severity="medium",
    criterion="errors",
    refs=["OWASP API4:2023", "ASVS 5.0 2.4.1"],
    feature="inputs",
    covers=("Q7",),
    why="One request for a thousand million rows takes the service away from everyone else.",
    mend="Declare the smallest and the largest page, and refuse what is outside.",
)
@observe(
    lambda t: {
        "one": page(t, 1),
        "outside": [page(t, 1_000_000_000, provokes=True, note="a huge page"), page(t, -1, provokes=True, note="a negative page")],
    }
)
def test_page_size(observed, t):
    found = pick(t.profile.inputs.rows, must_answer(observed["one"]).json())
    require(isinstance(found, list) and len(found) <= 1, "one row at most where one was asked for", f"{found!r:.80}")
    for seen in observed["outside"]:
        refused(seen)


@control(
    "BODY-004",
    "An Accept header that nobody can serve does not crash the service",
    severity="medium",
    criterion="errors",
    refs=REFS,
    feature="auth",
    covers=("Q8",),
    why=NOISE,
    mend="Answer JSON all the same, or 406.",
)
@observe(
    lambda t: t.get(
        t.profile.auth.whoami, next(reversed(t.profile.identities)), headers=[("Accept", ODD)], provokes=True, note="odd Accept"
    )
)
def test_accept(observed):
    withstood(observed)
