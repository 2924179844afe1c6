"""Error answers: one shape, a request id, no crash on malformed requests, nothing about the inside."""

from __future__ import annotations

import re

from gate.api import Inconclusive, control, equal, must_answer, observe, pick, require

MEND = "Let one exception handler make every error answer."
CODE = re.compile(r"[A-Za-z0-9_.:/-]+")
WHY = "Clients and operators cannot tell errors apart, or trace one to its log line, in the middle of a recall."


def envelope(seen, t):
    errors = t.profile.errors
    require(seen.media_type != "text/html", f"JSON with HTTP {seen.status}", f"an HTML page in answer to {seen.probe}")
    body = seen.json()
    for field in (errors.code_field, errors.message_field, errors.request_id_field):
        if field:
            require(isinstance(pick(field, body), str), f"a text at '{field}' of HTTP {seen.status}", f"{pick(field, body)!r:.80}")
    header = seen.answer.header(errors.request_id_header)
    if errors.request_id_field:
        equal(pick(errors.request_id_field, body), header, f"'{errors.request_id_field}' (against the header)")


def a_write(t):
    """A write that refuses its harmless body with 422."""
    return next(endpoint for endpoint in t.profile.endpoints if endpoint.protected and endpoint.has_body and 422 in endpoint.allowed)


def refusals(t):
    return {
        "unauthenticated": t.call(a_write(t)),
        "invalid": t.call(a_write(t), t.entitled(a_write(t))[0]),
        "read": t.call(next(item for item in t.profile.endpoints if item.protected and item.method == "GET")),
    }


@control(
    "ERR-001",
    "Refusals and validation errors come in the documented envelope, with the request's id",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=["ASVS 5.0 16.5.1"],
    feature="errors",
    covers=("K12", "S1"),
    why=WHY,
    mend=MEND,
)
@observe(refusals)
def test_envelope(observed, t):
    require(observed["unauthenticated"].status in t.missing_status, "a refusal", f"HTTP {observed['unauthenticated'].status}", "bypass")
    require(observed["read"].status in t.missing_status, "a refusal", f"HTTP {observed['read'].status}", "bypass")
    must_answer(observed["invalid"], [422])
    for seen in observed.values():
        envelope(seen, t)


@control(
    "ERR-002",
    "A path that is routed nowhere answers in the documented envelope too",
    severity="low",
    criterion="errors",
    basis="hardening",
    feature="errors",
    covers=("K12",),
    why=WHY,
    mend=MEND,
)
@observe(lambda t: t.get("/api/v1/gate-nowhere/{run_id}", next(iter(t.profile.identities))))
def test_unrouted(observed, t):
    require(observed.status in (404, *t.missing_status), "HTTP 404 (or a refusal)", f"HTTP {observed.status}")
    envelope(observed, t)


@control(
    "ERR-003",
    "A body that is no JSON is refused without a crash",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=["OWASP API8:2023", "WSTG-ERRH-01"],
    covers=("Q3",),
    why="Anyone with a token could fill the error log and hide a real failure in it.",
    mend="Answer 400 or 422.",
)
@observe(
    lambda t: [
        t.request(
            a_write(t).method,
            a_write(t).path,
            identity=t.entitled(a_write(t))[0],
            body=body,
            headers=[("Content-Type", "application/json")],
            provokes=True,
            note=note,
        )
        for body, note in ((b'{"\xff\xfe', "cut off, no UTF-8"), (b"[" * 5000, "5,000 brackets"))
    ]
)
def test_malformed_json(observed):
    for seen in observed:
        require(seen.status in (400, 413, 415, 422), f"{seen.probe} to be refused with 400 or 422", f"HTTP {seen.status}")


@control(
    "ERR-004",
    "An id of the wrong form is refused, not an internal error",
    severity="low",
    criterion="errors",
    basis="hardening",
    safety="denied",
    refs=["WSTG-ERRH-01"],
    feature="audit_pack",
    covers=("L6",),
    why="A mistyped pack id looks like a broken service, and error alerts lose their meaning.",
    mend="Declare the path parameter as a UUID.",
)
@observe(lambda t: t.post(t.profile.audit_pack.malformed_verify, t.profile.audit_pack.verify_identity, provokes=True))
def test_malformed_id(observed):
    require(observed.status in (400, 404, 422), "HTTP 404 or 422", f"HTTP {observed.status}")


@control(
    "ERR-005",
    "Answers to malformed requests carry the request's id too",
    severity="low",
    criterion="errors",
    basis="hardening",
    safety="denied",
    refs=["ASVS 5.0 16.5.1"],
    feature="errors,audit_pack",
    covers=("R1",),
    why="The very answers that someone will have to look into cannot be found in the log.",
    mend="Set the header in the outermost middleware, around the exception handler.",
)
@observe(lambda t: t.post(t.profile.audit_pack.malformed_verify, t.profile.audit_pack.verify_identity, provokes=True))
def test_request_id_on_internal_error(observed, t):
    equal(
        observed.answer.header(t.profile.errors.request_id_header),
        observed.request_id,
        f"{t.profile.errors.request_id_header} on HTTP {observed.status}",
    )


@control(
    "ERR-006",
    "A validation error does not quote other fields of the rejected body",
    severity="medium",
    criterion="errors",
    basis="hardening",
    safety="denied",
    refs=["ASVS 5.0 16.5.1", "CWE-209"],
    feature="inputs",
    covers=("K5",),
    why="A password or token that was sent with a mistyped field ends in logs, tickets and screenshots.",
    mend="Answer where and why a body is invalid, never what was in it: drop `input` from the error list.",
)
@observe(lambda t: secret_beside_a_mistake(t, t.profile.endpoint(t.profile.inputs.partial_write)))
def test_input_is_not_quoted(observed, t):
    require(400 <= observed.status < 500, f"{observed.probe} to be refused", f"HTTP {observed.status}")
    quoted = f"{t.marker}-beside".encode() in observed.answer.body
    require(not quoted, "no word of the body's other fields", f"the field 'password' in the answer to {observed.probe}")


def secret_beside_a_mistake(t, endpoint):
    """The harmless body, which lacks what is required, with a field that the mistake is not in."""
    body = {**endpoint.body, "password": f"{t.marker}-beside"}
    return t.request(endpoint.method, endpoint.path, identity=t.entitled(endpoint)[0], json=body, provokes=True, note="a secret beside")


@control(
    "ERR-007",
    "What does not exist is answered with 404 in the documented envelope",
    severity="medium",
    criterion="errors",
    refs=["ASVS 5.0 16.5.1"],
    feature="errors,trace",
    covers=("K12", "S2"),
    why="A page of a proxy instead of the service's own word: nobody knows whether the batch or the service is missing.",
    mend=MEND,
)
@observe(
    lambda t: [
        t.get(t.profile.trace.ghost or t.profile.trace.full.replace("{batch_code}", "{ghost_batch}"), t.profile.trace.identity),
        *(t.call(item, t.entitled(item)[0]) for item in t.profile.endpoints if item.method == "GET" and item.allowed == (404,)),
    ]
)
def test_missing(observed, t):
    found = [seen for seen in observed if seen.status == 404]
    for seen in found:
        envelope(seen, t)
    if len(found) < len(observed):
        raise Inconclusive("not every request for what does not exist was answered with 404 (REC-009 and RBAC-* judge that)")


@control(
    "ERR-008",
    "Refusals and validation errors carry the documented codes",
    severity="medium",
    criterion="errors",
    safety="denied",
    refs=["ASVS 5.0 16.5.1"],
    feature="errors",
    covers=("S1",),
    why="Clients act on codes: with another one they ask for a new token where the body was wrong, or the other way round.",
    mend="Answer the codes that the interface promises, or correct `errors.codes` of the profile if the contract has changed.",
)
@observe(refusals)
def test_codes(observed, t):
    promised, field = t.profile.errors.codes or {}, t.profile.errors.code_field
    for seen in observed.values():
        code = pick(field, seen.json())
        alike = t.missing_status if seen.status in t.missing_status else [seen.status]  # 403 may stand for 401, with its code
        allowed = [text for status in alike for text in promised.get(str(status), [])]
        if allowed:
            require(code in allowed, f"{' or '.join(allowed)} with HTTP {seen.status}", f"{code!r:.80}")
        elif field:
            require(isinstance(code, str) and bool(CODE.fullmatch(code)), f"a code in one word with HTTP {seen.status}", f"{code!r:.80}")


@control(
    "DOC-001",
    "Interactive documentation and the schema are not served to strangers",
    severity="low",
    criterion="auth",
    basis="hardening",
    refs=["ASVS 5.0 13.4.5", "OWASP API9:2023"],
    feature="documentation",
    covers=("K7",),
    why="The whole interface is laid out for whoever looks.",
    mend="Switch docs_url, redoc_url and openapi_url off in production.",
)
@observe(lambda t: {"positive": t.call(t.profile.endpoints[0]), "documentation": [t.get(path) for path in t.profile.documentation.paths]})
def test_documentation(observed, t):
    require(observed["positive"].status < 500, "the service to be up", f"HTTP {observed['positive'].status}")
    for seen in observed["documentation"]:
        require(seen.status in (404, *t.missing_status), f"{seen.probe} to be absent (404) or refused", f"HTTP {seen.status}")
