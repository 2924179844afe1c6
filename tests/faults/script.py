"""Requests of every kind that the gate sends, so that every fault finds one to bite on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from faults.model import Headers, Request
from faults.profile import Profile
from tests.faults.healthy import BATCH, EVENTS, LIMIT, PACK, TOKENS

GHOST = "00000000-0000-4000-8000-0000ghost000"
WHOAMI, EVENTS_PATH, BURST = "/api/v1/auth/whoami", "/api/v1/audit/events", "/api/v1/gate-burst/run"
RECALL, GENERATE = "/api/v1/recall/simulate", "/api/v1/audit/packs/generate"
DOWNLOAD = f"/api/v1/audit/packs/{PACK}/download"
TRACE = f"/api/v1/trace/batch/{BATCH}"
GOOD_ORIGIN = "https://ops.example.com"
JSON = (("Content-Type", "application/json"),)


def by(who: str) -> Headers:
    """An identity's credentials."""
    return (("Authorization", f"Bearer {TOKENS[who]}"),) if who else ()


def ask(method: str, target: str, who: str = "", headers: Headers = (), body: bytes = b"") -> Request:
    """One request, with an id of its own."""
    everything = (("Host", "healthy.example:80"), ("X-Request-ID", "a-run-of-the-gate-1"), *by(who), *headers)
    return Request(method, target, everything, body, wire=b"as it came")


def matrix() -> Iterator[Request]:
    """Every endpoint by everyone, and by nobody."""
    for endpoint in Profile().data["endpoints"]:
        path = endpoint["path"].replace("{batch_code}", BATCH).replace("{ghost_uuid}", GHOST).replace("{ghost_batch}", "GATE-GHOST-1")
        body = str(endpoint.get("probe", {}).get("body", "")).replace("'", '"').encode()
        for who in ("admin", "qa", "ops", "viewer", ""):
            yield ask(endpoint["method"], path, who, JSON if body else (), body)
        yield ask(endpoint["method"], path, "", (("Authorization", f"Bearer {'x' * 40}"),), body)


def tokens() -> Iterator[Request]:
    """Credentials, bent in every way."""
    token, admin = TOKENS["viewer"], TOKENS["admin"]
    texts = [token[:-1], token + "x", "x" + token, token.swapcase(), "null", "changeme", "gate-\xe9\xff", TOKENS["revoked"], "z" * 60]
    for text in (*texts, *[TOKENS["revoked"]] * 3):
        yield ask("GET", WHOAMI, "", (("Authorization", f"Bearer {text}"),))
    for value in (f"Basic {token}", f"Token {token}", token, f"bearer {token}", "Bearer ", f"Bearer bad, Bearer {token}"):
        yield ask("GET", WHOAMI, "", (("Authorization", value),))
    for value in ("", token, admin, TOKENS["qa"], "whatever"):
        yield ask("GET", WHOAMI, "", (("X-API-Key", value),))
    yield ask("GET", WHOAMI, "viewer", (("X-API-Key", admin),))
    yield ask("GET", WHOAMI, "", (("Authorization", "Bearer bad"), ("X-API-Key", token)))
    yield ask("GET", WHOAMI, "viewer", (("Authorization", f"Bearer {admin}"),))
    yield ask("GET", WHOAMI, "", (("X_API_Key", token),))
    yield ask("GET", WHOAMI, "", (("X-Auth-Token", token),))
    yield ask("GET", WHOAMI, "", (("Cookie", f"token={token}; session={token}"),))
    yield ask("GET", f"{WHOAMI}?access_token={token}&api_key={token}")
    yield ask("POST", RECALL, "", JSON, f'{{"batch_code":[],"token":"{token}"}}'.encode())
    for target in (
        f"{WHOAMI}?x=/docs",
        f"{WHOAMI}?x=/health",
        "/v1/auth/whoami",
        "/internal/auth/whoami",
        f"/audit_packs/{PACK}/manifest.json",
    ):
        yield ask("GET", target)
    yield ask("GET", WHOAMI, "", (("Host", "a/?x="),)).without("host").saying("Host", "a/?x=")


def odd() -> Iterator[Request]:
    """Verbs, paths and headers that nobody should honour."""
    for method in ("HEAD", "OPTIONS", "TRACE", "ABC"):
        yield ask(method, WHOAMI)
    for method in ("DELETE", "PUT"):
        yield ask(method, f"{EVENTS_PATH}/{GHOST}", "admin")
    yield ask("GET", f"/api/v1/ccp/alerts/{GHOST}/ack", "qa", (("X-HTTP-Method-Override", "PATCH"),))
    yield ask("GET", f"/api/v1/ccp/alerts/{GHOST}/ack?_method=PATCH", "qa")
    tails = ("/", "/.", "%20", ";a=b", ".json", "/x.css", "%252e")
    paths = [f"/{WHOAMI}", "/api/v1/./auth/whoami", "/health/..%2fapi/v1/auth/whoami", "/health/..;/api/v1/auth/whoami", WHOAMI.upper()]
    for path in (*paths, "/api/v1/auth/who%61mi", "/api/v1%2fauth/whoami", *(WHOAMI + tail for tail in tails)):
        yield ask("GET", path)
        yield ask("GET", path, "viewer")
    yield ask("GET", "/api/v1/audit/event%73", "ops")
    yield ask("GET", "/api/v1/trace/batch/a%00b/full", "viewer")
    claims = ("X-Role", "X-User-Role", "X-Remote-User", "X-User")
    addresses = ("X-Forwarded-For", "X-Custom-IP-Authorization", "X-Real-IP")
    for who in ("", "viewer", "ops"):
        more = [*((name, "admin") for name in claims), *((name, "127.0.0.1") for name in addresses), ("Forwarded", "for=127.0.0.1")]
        yield ask("GET", WHOAMI, who, tuple(more))
        yield ask("GET", f"{EVENTS_PATH}?role=admin", who, tuple(more))
    for name, value in (("X-Original-URL", WHOAMI), ("X-Rewrite-URL", WHOAMI), ("X-Forwarded-Host", "c.example"), ("X-Large", "x" * 9000)):
        yield ask("GET", "/health", "viewer", ((name, value),))
    yield ask("GET", EVENTS_PATH, "ops", (("Connection", "close, Authorization"),))
    yield ask("GET", WHOAMI, "viewer", (("X-Request-ID", "a"),)).saying("X-Request-ID", "gate-%0d%0aX-Gate: 1")
    yield Request("POST", RECALL, (("Content-Length", "2"), ("Content-Length", "3")), malformed=True, wire=b"as it came")


def limiter() -> Iterator[Request]:
    """One exhaustion of the limit, and what is asked while it lasts."""
    for _ in range(LIMIT + 5):
        yield ask("GET", BURST, "viewer")
    yield ask("GET", BURST, "viewer", (("X-Forwarded-For", "203.0.113.7"),))
    yield ask("GET", BURST, "", (("X-API-Key", TOKENS["viewer"]),))
    yield ask("GET", BURST, "", (("Authorization", "Bearer nobody-knows"),))
    yield ask("GET", BURST)
    yield ask("GET", BURST, "qa")
    yield ask("POST", BURST, "viewer")
    yield ask("GET", f"{BURST}?cb=1", "viewer")
    yield ask("GET", "/health")
    yield ask("GET", WHOAMI, "viewer")


def origins() -> Iterator[Request]:
    """Every origin, each with a cookie."""
    host = "ops.example.com"
    strange = ("https://evil.example", "null", f"{GOOD_ORIGIN}.evil.example", f"https://gate{host}", "https://opsxexample.com")
    cookie, asking = ("Cookie", "a=1"), ("Access-Control-Request-Method", "GET")
    for origin in (GOOD_ORIGIN, *strange, f"https://sub.{host}", f"http://{host}", f"{GOOD_ORIGIN}:8443"):
        yield ask("GET", WHOAMI, "viewer", (("Origin", origin), cookie))
        private = ("Access-Control-Request-Private-Network", "true")
        yield ask("OPTIONS", WHOAMI, "", (("Origin", origin), cookie, asking, ("Access-Control-Request-Headers", "x-evil"), private))
        yield ask("GET", EVENTS_PATH, "", (("Origin", origin), cookie))
        yield ask("GET", EVENTS_PATH, "viewer", (("Origin", origin), cookie))


def values() -> Iterator[Request]:
    """Values that no interpreter should see."""
    filters = ("nobody%27+OR+%271%27%3D%271", "a%00b", "%25", "x" * 5000)
    for text in (
        *(f"actor_id={text}" for text in filters),
        f"limit={10**30}",
        "from_ts=2026-02-30",
        "limit=-1",
        "limit=1000000000",
        "limit=1",
        "limit=12",
    ):
        yield ask("GET", f"{EVENTS_PATH}?{text}", "viewer")
    for code in (
        "x%27+or+%271%27%3D%271",
        "%7B%7B7*7%7D%7D",
        "GATE-GHOST-1",
        BATCH.lower(),
        BATCH.replace("-", "_", 1),
        f"{BATCH}X",
        BATCH[:-1],
        "%C3%A9",
        "BATCH-2026-02-0013",
    ):
        yield ask("GET", f"/api/v1/trace/batch/{code}/full", "viewer")
    bodies = (b"{", b"[" * 5000, b"[]", b'{"batch_code": NaN}', b'{"batch_code":["\\ud800"]}', b'{"batch_code":["a\\u0000b"]}')
    for body in (*bodies, b'{"batch_code":"GATE-GHOST-1"}', f'{{"batch_code":"{BATCH.lower()}"}}'.encode()):
        yield ask("POST", RECALL, "viewer", JSON, body)
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        yield ask("POST", RECALL, "viewer", (("Content-Type", kind),), b'{"batch_code":"GATE-GHOST-1"}')
    yield ask("POST", RECALL, "viewer", (*JSON, ("Content-Encoding", "gate")), b"{}")
    yield ask("GET", WHOAMI, "viewer", (("Accept", "text/html"),))
    names = ("..%2f..%2fetc%2fpasswd", "../../etc/passwd", "%2fetc%2fpasswd", "....//etc", "..%5cx", "..%2f.env", "checksums.json%00")
    for name in (*names, "gate-nothing.json"):
        yield ask("GET", f"{DOWNLOAD}/{name}", "viewer")
    yield ask("GET", f"{DOWNLOAD}/manifest.json", "viewer", (("Range", "bytes=-1"),))
    yield ask("POST", "/api/v1/audit/packs/not-a-uuid/verify", "viewer")
    for path in ("/.env", "/.git/HEAD", "/metrics", "/debug", "/server-status", "/static/", "/docs", "/openapi.json"):
        yield ask("GET", path)


def drills() -> Iterator[Request]:
    """What the checklist wants to see work."""
    body = f'{{"batch_code":"{BATCH}"}}'.encode()
    for who in ("admin", "viewer", "admin", "qa"):
        yield ask("POST", RECALL, who, JSON, body)
        for side in ("full", "forward", "backward"):
            yield ask("GET", f"{TRACE}/{side}", who)
    extras = b'{"notes":"gate","created_by":"canary","row_count":99,"pack_id":"canary"}'
    yield ask("POST", GENERATE, "qa", JSON, extras)
    verify = f"/api/v1/audit/packs/{PACK}/verify?actor_id=canary"
    yield ask("POST", verify, "viewer", (("X-Actor", "canary"),))
    for name in ("checksums.json", "manifest.json", "audit_events.csv"):
        yield from (ask("GET", f"{DOWNLOAD}/{name}", "viewer") for _ in range(2))
        yield ask("GET", f"{DOWNLOAD}/{name}", "ops")
    yield ask("GET", f"{DOWNLOAD}/manifest.json", "viewer", (("Accept-Encoding", "gzip"),))
    yield from (ask("GET", "/api/v1/audit/packs", "viewer") for _ in range(2))
    yield from (
        ask("GET", f"{EVENTS_PATH}{tail}", "viewer")
        for tail in (
            "",
            f"?entity_id={PACK}",
            f"/{EVENTS[0]}",
            "/export.csv",
            "?limit=12",
            "?action_type=X",
            "?entity_type=Y",
            "?action_type=X&from_ts=a&to_ts=b",
        )
    )
    log = f'{{"batch_code":"{BATCH}","operator_id":"canary","measured_at":"2026-02-28T01:00:00-09:30"}}'
    yield ask("POST", "/api/v1/ccp/logs", "qa", JSON, log.encode())
    yield ask("GET", EVENTS_PATH, "viewer")
    yield ask("GET", "/api/v1/compliance/batch/BATCH-2026-02-0016/comparison", "viewer")
    yield ask("GET", f"/api/v1/ccp/batch/{BATCH}/timeline", "viewer")
    yield ask("POST", f"/api/v1/ai/batch/{BATCH}/score", "qa")
    yield ask("POST", "/api/v1/ai/anomalies/run", "qa", JSON, b"{}")
    yield from cycle()
    yield ask("GET", "/api/v1/kpi/daily", "viewer")
    yield ask("GET", WHOAMI, "ops")


def cycle() -> Iterator[Request]:
    """The daily cycle, in the foreground and in the background."""
    yield ask("POST", "/api/v1/automation/run-daily", "ops")
    yield ask("GET", "/api/v1/automation/runs", "viewer")
    yield ask("GET", "/api/v1/automation/status", "viewer")
    yield ask("POST", "/api/v1/automation/run-daily-async?actor_id=canary", "ops")


def script() -> list[Request]:
    """All of them, in the order of a run."""
    asked = [*matrix(), *tokens(), *odd(), *origins(), *values(), *drills(), *limiter()]
    return [replace(item, number=number, connection=number % 7, wire=b"as it came") for number, item in enumerate(asked)]
