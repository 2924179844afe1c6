"""The controls about errors, leaks, types and request ids can fail, each for its own reason; and harmless variations stay green."""

from __future__ import annotations

from typing import Any

import pytest

from gate.model import Inconclusive, Observation, Safety, Unmet
from gate.plugin.requests import Target
from tests.suites.made_up import TOKENS, TRACE, by, envelope, html, nothing, run_of, saw, suite, target

ANSWERS, ERRORS, IDS = suite("security/test_answers.py"), suite("security/test_errors.py"), suite("security/test_request_ids.py")
LEAKS, TAPS = suite("security/test_leaks.py"), suite("security/test_taps.py")


@pytest.fixture
def t() -> Target:
    return target()


TRACEBACK = 'Traceback (most recent call last):\n  File "/x/routes.py", line 8, in trace\nIndexError'
TAP_FAULTS: dict[str, tuple[Any, Observation]] = {
    "a traceback in a stored answer's message": (LEAKS.test_no_inside, saw({"message": TRACEBACK})),
    "a word of it in an error": (LEAKS.test_no_inside, saw({"m": "Traceback (most recent call last)"}, 404)),
    "a driver": (LEAKS.test_no_inside, saw({"m": "psycopg.errors.InvalidTextRepresentation"}, 422)),
    "a statement": (LEAKS.test_no_inside, saw({"m": "SELECT audit_id, actor_id FROM audit_logs WHERE x"}, 404)),
    "a lower-case statement": (LEAKS.test_no_inside, saw({"m": "select a from audit_logs where b = 1"}, 500)),
    "a path": (LEAKS.test_no_inside, saw({"m": "/usr/lib/python3.11/json"}, 500)),
    "a path of the application": (LEAKS.test_no_inside, saw({"m": "/app/main.py"}, 400)),
    "a line": (LEAKS.test_no_inside, saw(b'{"m": "in main.py\\", line 3"}', 400)),
    "a debugger": (LEAKS.test_no_inside, html(b"<title>IndexError // Werkzeug Debugger</title>", 404)),
    "a debugger with a success": (LEAKS.test_no_inside, html(b"<title>Debugger</title>")),
    "a traceback behind a document": (LEAKS.test_no_inside, saw(b"{}\nTraceback (most recent call last)")),
    "a token": (LEAKS.test_no_token_echo, saw({"m": TOKENS["viewer"]})),
    "a token in a header": (LEAKS.test_no_token_echo, saw({}, 200, ("X-Debug", TOKENS["admin"]))),
    "a token in base64": (LEAKS.test_no_token_echo, saw({"m": "QWRtMW5UMGtlbkFiY0RlZkdoaQ=="})),
    "a quoted token": (LEAKS.test_no_token_echo, saw({"m": "gate-viewer-4711-abc%2Bdef%2Fghi"})),
    "a token backwards": (LEAKS.test_no_token_echo, saw({"m": TOKENS["admin"][::-1]})),
    "the beginning of a token": (LEAKS.test_no_token_echo, saw({"actor_id": TOKENS["admin"][:12]})),
    "a host of the inside": (LEAKS.test_no_internal_hosts, saw({}, 200, ("X-Where", "api-7.prod.svc.cluster.local:8000"))),
    "a private address": (LEAKS.test_no_internal_hosts, saw({}, 200, ("Location", "http://10.1.2.3/x"))),
    "a backend": (LEAKS.test_no_internal_hosts, saw({}, 200, ("X-Backend-Server", "a"))),
    "a proxy with its port": (LEAKS.test_no_internal_hosts, saw({}, 200, ("Via", "1.1 edge-3:8080"))),
    "JSON as HTML": (ANSWERS.test_types, html(b'{"a": 1}')),
    "JSON without a type": (ANSWERS.test_types, saw({}, 200, ("content-type", ""))),
    "JSON as bytes": (ANSWERS.test_types, saw({}, 200, ("Content-Type", "application/octet-stream"))),
    "JSON as a file of bytes": (
        ANSWERS.test_types,
        saw({}, 200, ("Content-Type", "application/octet-stream"), ("Content-Disposition", "attachment")),
    ),
    "a page for an error": (ANSWERS.test_types, html(b"<h1>404</h1>", 404, target=TRACE)),
    "CSV as JSON": (ANSWERS.test_types, saw(b"a,b\r\n", target="/api/v1/audit/events/export.csv?limit=1")),
    "half of the JSON": (ANSWERS.test_types, saw(b'{"a": ')),
    "JSON in latin-1": (ANSWERS.test_types, saw('{"a": "é"}'.encode("latin-1"))),
    "a mark before JSON": (ANSWERS.test_types, saw(b"\xef\xbb\xbf{}")),
    "JSON as HTML elsewhere": (ANSWERS.test_types, html(b'{"a": 1}', target="/health")),
    "a cookie without Secure": (ANSWERS.test_cookies, saw({}, 200, ("Set-Cookie", "a=b; HttpOnly; SameSite=Lax"))),
    "a cookie of a balancer": (ANSWERS.test_cookies, saw({}, 200, ("Set-Cookie", "AFFINITY=b; Path=/"))),
    "a public answer": (ANSWERS.test_not_shared, saw({}, 200, ("Cache-Control", "public"), **by("admin"))),
    "an answer to keep": (ANSWERS.test_not_shared, saw({}, 200, ("Cache-Control", "max-age=60"), **by("admin"))),
    "an answer for proxies to keep": (ANSWERS.test_not_shared, saw({}, 200, ("cache-control", "private, s-maxage=60"), **by("admin"))),
    "an answer out of a cache": (ANSWERS.test_not_shared, saw({}, 200, ("X-Cache", "HIT from edge"), **by("admin"))),
    "an aged answer": (ANSWERS.test_not_shared, saw({}, 200, ("Age", "3"), **by("admin"))),
    "a valid token refused": (TAPS.test_valid_tokens, saw({}, 401, **by("viewer"))),
    "throttled without a word": (TAPS.test_hardly_throttled, saw({}, 429)),
}


def judge(check: Any, run: Any, t: Target) -> None:
    """Call a tap with what it asks for."""
    check(**{name: value for name, value in {"run": run, "measured": nothing, "t": t}.items() if name in check.__code__.co_varnames})


@pytest.mark.parametrize("fault", TAP_FAULTS)
def test_tap_fails(fault: str, t: Target) -> None:
    check, seen = TAP_FAULTS[fault]
    with pytest.raises(Unmet):
        judge(check, run_of(saw(), seen), t)


HARMLESS = {
    "stored text": saw({"notes": 'saw "Traceback (most recent call last)" and SELECT a FROM b, psycopg'}),
    "stored text in CSV": saw(b"notes\r\nTraceback (most recent call last)\r\n", 200, ("Content-Type", "text/csv"), target="/api/v1/x.csv"),
    "an echo of what was asked": saw({"m": "no /app/x.css"}, 404, target="/app/x.css"),
    "a name like a token": saw({"actor_id": "gate-viewer-"}),
    "a charset": saw({}, 200, ("content-type", "application/json; charset=utf-8")),
    "a problem": saw({}, 404, ("Content-Type", "application/problem+json")),
    "no body": saw(b"", 204),
    "a redirection's page": html(b"<a>moved</a>", 307),
    "a page": html(b"<h1>Operations</h1>", target="/ops"),
    "a document to keep": saw(b"%PDF", 200, ("Content-Type", "application/pdf"), ("Content-Disposition", "attachment")),
    "what stands before, to odd requests": saw(b"Invalid host", 400, ("Content-Type", "text/plain"), headers=(("Host", "x"),)),
    "a preflight": saw(b"OK", 200, ("Content-Type", "text/plain"), method="OPTIONS"),
    "a good cookie": saw({}, 200, ("Set-Cookie", "a=b; secure; httponly; samesite=strict")),
    "kept by its owner": saw({}, 200, ("Cache-Control", "private, max-age=60"), **by("admin")),
    "nothing kept": saw({}, 200, ("Cache-Control", "max-age=0, must-revalidate"), ("X-Cache", "MISS"), **by("admin")),
    "another banner": saw({}, 200, ("Server", "caddy"), ("Via", "1.1 vegur")),
    "another's token beside": saw({}, 401, identity="viewer", headers=(*by("viewer")["headers"], ("X-API-Key", "decoy"))),
    "throttled, and told so": saw({}, 429, ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")),
    "the burst": saw({}, 429, safety=Safety.BURST),
}


@pytest.mark.parametrize("variation", HARMLESS)
def test_tap_stays_green(variation: str, t: Target) -> None:
    for check in {check for check, _ in TAP_FAULTS.values()}:
        judge(check, run_of(saw(), HARMLESS[variation]), t)


def test_a_third_throttled_answer_fails(t: Target) -> None:
    told = saw({}, 429, ("Retry-After", "1"))
    judge(TAPS.test_hardly_throttled, run_of(told, told), t)
    with pytest.raises(Unmet):
        judge(TAPS.test_hardly_throttled, run_of(told, told, told), t)


def codes(**changed: str) -> dict[str, Observation]:
    found = {"unauthenticated": (401, "authentication_required"), "invalid": (422, "validation_error"), "read": (401, "http_error")}
    return {name: saw(envelope(changed.get(name, code)), status, ("X-Request-ID", "run-1")) for name, (status, code) in found.items()}


def test_error_answers(t: Target) -> None:
    """ERR-006, ERR-007, ERR-008."""
    ERRORS.test_codes(codes(), t)
    ERRORS.test_missing([saw(envelope(), 404, ("x-request-id", "run-1"))], t)
    ERRORS.test_input_is_not_quoted(saw({"details": [{"input": []}]}, 422), t)
    for check, observed in (
        (ERRORS.test_codes, codes(unauthenticated="validation_error")),
        (ERRORS.test_codes, codes(invalid="http_error")),
        (ERRORS.test_missing, [html(b"<h1>404</h1>", 404)]),
        (ERRORS.test_missing, [saw({"detail": "Not Found"}, 404)]),
        (ERRORS.test_input_is_not_quoted, saw({"input": {"password": "gate-run-beside"}}, 422)),
        (ERRORS.test_input_is_not_quoted, saw({}, 500)),
    ):
        with pytest.raises(Unmet):
            check(observed, t)
    with pytest.raises(Inconclusive):
        ERRORS.test_missing([saw({})], t)


def test_request_ids(t: Target) -> None:
    """RID-001, RID-002."""
    IDS.test_hostile_id(saw({}, 200, ("X-Request-ID", "d41d8cd9")), t)
    IDS.test_hostile_id(saw(b"bad request", 400, ("Content-Type", "text/plain")), t)
    IDS.test_header_injection(saw({}, 200, ("X-Request-ID", IDS.HOSTILE)))
    for value in (IDS.HOSTILE, "gate<script>", "A" * 300, "gate\x1b[31m"):
        with pytest.raises(Unmet):
            IDS.test_hostile_id(saw({}, 200, ("x-request-id", value)), t)
    with pytest.raises(Unmet):
        IDS.test_header_injection(saw({}, 200, ("x-gate-injected", "1")))
