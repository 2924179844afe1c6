"""Hostile values in reads, and in writes that cannot succeed: none changes a query, none is evaluated, none crashes the service."""

from __future__ import annotations

import json
import re

from gate.api import SUCCESS, Inconclusive, Phase, Safety, control, observe, pick, require

REFS = ["OWASP API8:2023", "WSTG-INPV-05"]
TRUE = "' OR '1'='1"
TEMPLATES = ("{{7*7}}", "${7*7}", "<%=7*7%>")
STRANGE = "é中\U0001f96d" + "A" * 64  # letters of two, three and four bytes, and more of them than a column may hold
EVALUATED = re.compile(rb"G49|49G|(?<![\w.-])49(?![\w.-])")
CRASH = "A value that crashes one request fills the error log, and whoever knows it can hide a real failure in the noise."


def withstood(seen):
    """The service may take it or refuse it, but it does not crash."""
    require(seen.status < 500, f"{seen.probe} to be answered without a crash", f"HTTP {seen.status}", "crash")
    return seen


def refused(seen):
    """The value is refused."""
    withstood(seen)
    require(400 <= seen.status < 500, f"{seen.probe} to be refused with 400 or 422", f"HTTP {seen.status}")


def listed(t, note, **query):
    """The list of the profile's [inputs], asked with a hostile query."""
    inputs = t.profile.inputs
    return t.get(inputs.list, inputs.identity, query=query, provokes=True, note=note)


def written(t, endpoint_id, body, note):
    """A write that cannot succeed, with exactly this body."""
    endpoint = t.profile.endpoint(endpoint_id)
    sent = [("Content-Type", "application/json")]
    return t.request(endpoint.method, endpoint.path, identity=t.entitled(endpoint)[0], body=body, headers=sent, provokes=True, note=note)


def rows(seen, t):
    found = pick(t.profile.inputs.rows, seen.json())
    require(isinstance(found, list), f"a list at '{t.profile.inputs.rows}'", f"{found!r:.60}")
    return found


def no_rows(seen, run, t):
    """A filter that matches nothing gave nothing, while the list does hold rows."""
    if withstood(seen).status in SUCCESS:
        found = rows(seen, t)
        require(not found, f"no row for {seen.probe}", f"{len(found)} rows", "bypass")
        path = t.profile.inputs.list.split("?")[0]
        others = [item for item in run.observations if item.probe.target.split("?")[0] == path and not item.probe.provokes]
        if not any(item.response and item.response.status == 200 and rows(item, t) for item in others):
            raise Inconclusive("the list was empty for everybody, so that no row proves nothing")


def batch(t, code):
    """The full trace of a batch with that code."""
    return t.get(t.fill(t.profile.trace.full, batch_code=code), t.profile.trace.identity, provokes=True, note="SQL and templates")


def hostile_trace(t):
    """One value for two controls: templates, and the end of an SQL text."""
    return batch(t, f"G{'G'.join(TEMPLATES)}G{TRUE}{STRANGE}")


def hostile_recall(t):
    recall = t.profile.recall
    body = json.loads(json.dumps(recall.ghost_body).replace("{ghost_batch}", "{ghost_batch}" + TRUE))
    parts = {"json": body, "safety": Safety.DRILL, "provokes": True, "note": "SQL"}
    return t.request(recall.method, recall.path, identity=recall.identity, **parts)


@control(
    "INJ-001",
    "SQL in a filter, a batch code or a recall changes no query",
    severity="critical",
    criterion="auth",
    phase=Phase.CLOSING,
    safety="drill",
    refs=["OWASP API8:2023", "WSTG-INPV-05", "CWE-89"],
    feature="inputs,trace,recall",
    covers=("L1",),
    why="Anyone with a token could read, and perhaps change, the whole database.",
    mend="Pass values as parameters of the statement, never as its text.",
)
@observe(
    lambda t: {
        "list": listed(t, "SQL", **{t.profile.inputs.text_query: t.ghost_batch + TRUE}),
        "trace": hostile_trace(t),
        "recall": hostile_recall(t),
    }
)
def test_sql(observed, run, t):
    no_rows(observed["list"], run, t)
    trace = withstood(observed["trace"])
    require(trace.status not in SUCCESS, "no trace of a batch that does not exist", f"HTTP {trace.status}", "bypass")
    recall = withstood(observed["recall"])
    if recall.status in SUCCESS:
        # Zeros for an unknown batch are REC-010's matter; anything else is somebody's batch.
        counts = {name: pick(field, recall.json()) for name, field in t.profile.recall.counts.items()}
        require(not any(counts.values()), "nothing for a batch that does not exist", f"{counts!r:.160}", "bypass")


@control(
    "INJ-002",
    "NUL characters and 5,000 letters in a text do not crash the service",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=REFS,
    feature="inputs",
    covers=("L4",),
    why=CRASH,
    mend="Bound every text, and refuse control characters, before a query is made: PostgreSQL takes no NUL.",
)
@observe(
    lambda t: [
        listed(t, "NUL", **{t.profile.inputs.text_query: "a\0b"}),
        listed(t, "5,000 letters", **{t.profile.inputs.text_query: "A" * 5000}),
        written(t, t.profile.inputs.text_write, json.dumps({t.profile.inputs.text_field: "a\0b"}).encode(), "NUL"),
    ]
)
def test_texts(observed):
    for seen in observed:
        withstood(seen)


@control(
    "INJ-003",
    "Whole numbers beyond 64 bits are refused",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=REFS,
    feature="inputs",
    covers=("L5",),
    why=CRASH,
    mend="Declare bounds of every number.",
)
@observe(lambda t: [listed(t, "beyond 64 bits", **{t.profile.inputs.limit_query: 2**63}), far_too_large(t)])
def test_whole_numbers(observed):
    for seen in observed:
        refused(seen)


def far_too_large(t):
    endpoint, name = t.profile.endpoint(t.profile.inputs.integer_write), t.profile.inputs.integer_query
    path = endpoint.path.split("?")[0]
    return t.request(
        endpoint.method, path, identity=t.entitled(endpoint)[0], query={name: 10**30}, provokes=True, note="a number of 31 digits"
    )


@control(
    "INJ-004",
    "Dates that do not exist are refused",
    severity="medium",
    criterion="errors",
    refs=REFS,
    feature="inputs",
    covers=("L6",),
    why="A filter that ignores a mistyped date answers the wrong period; one that crashes answers nothing.",
    mend="Declare such parameters as times, so that they are refused with 422.",
)
@observe(lambda t: listed(t, "no dates", **dict(zip(t.profile.inputs.time_queries, ("2026-02-30", "not-a-date"), strict=False))))
def test_dates(observed):
    refused(observed)


@control(
    "INJ-006",
    "Half a character in a text does not crash the service",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=REFS,
    feature="inputs",
    covers=("L8",),
    why=CRASH,
    mend="Refuse lone surrogates where the body is read.",
)
@observe(
    lambda t: written(t, t.profile.inputs.text_write, json.dumps({t.profile.inputs.text_field: "\ud800"}).encode(), "a lone surrogate")
)
def test_half_a_character(observed):
    withstood(observed)


@control(
    "INJ-007",
    "A wildcard in a filter stands for itself",
    severity="medium",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=REFS,
    feature="inputs",
    covers=("L9",),
    why="A filter by one actor would show the events of all.",
    mend="Compare with =, or escape % and _ where LIKE is needed.",
)
@observe(lambda t: listed(t, "a wildcard", **{t.profile.inputs.text_query: "%"}))
def test_wildcards(observed, run, t):
    no_rows(observed, run, t)


@control(
    "INJ-008",
    "A template in a batch code is not evaluated",
    severity="high",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=["WSTG-INPV-18", "CWE-1336"],
    feature="trace",
    covers=("L10",),
    why="Who can make the service calculate can make it run his code.",
    mend="Never build a template or a format string from a caller's text.",
)
@observe(hostile_trace)
def test_templates(observed):
    body = withstood(observed).answer.body.replace(observed.request_id.encode(), b"")
    echoed = any(template.encode() in body for template in TEMPLATES)
    found = EVALUATED.search(body)
    require(found is None or (echoed and b"G" not in found[0]), "the template as text, or not at all", "its result, 49", "bypass")
