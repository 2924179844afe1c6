"""CORS: the allowed origins are let in, no other. Each probe carries a cookie: some frameworks reflect an origin only then."""

from __future__ import annotations

from gate.api import SUCCESS, control, equal, must_answer, observe, require

REFS = ["OWASP API8:2023", "ASVS 5.0 3.4.2", "WSTG-CLNT-07"]
COOKIE = ("Cookie", "gate_probe=1")
ALLOW, CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"


def ask(t, origin, note=""):
    return t.get(
        t.profile.cors.path, next(reversed(t.profile.identities)), headers=[("Origin", origin), COOKIE], note=note or f"Origin {origin}"
    )


def preflight(t, origin):
    asked = [("Origin", origin), COOKIE, ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "authorization")]
    return t.request("OPTIONS", t.profile.cors.path, headers=asked, note=f"preflight from {origin}")


def strangers(t):
    good = t.settings.cors_allow_origins[0]
    scheme, _, host = good.partition("://")
    other = "http" if scheme == "https" else "https"
    listed = {origin.lower() for origin in t.settings.cors_allow_origins}
    candidates = [
        f"https://gate-{t.run_id}.example",
        "null",
        f"{good}.gate-{t.run_id}.example",
        f"{scheme}://gate{host}",
        f"{scheme}://{host.replace('.', 'x', 1)}",
        f"{scheme}://sub.{host}",
        f"{other}://{host}",
        f"{scheme}://{host.split(':')[0]}:8443",
    ]
    return [origin for origin in candidates if origin.lower() not in listed]


@control(
    "CORS-001",
    "Every allowed origin is let in, by requests and by preflights",
    severity="medium",
    criterion="auth",
    refs=REFS,
    feature="cors",
    covers=("J11",),
    why="The operations page would not work; and without this the refusals below would prove nothing.",
    mend="Set CORS_ALLOW_ORIGINS to the operations page's origin, and give the gate the same value.",
)
@observe(
    lambda t: {
        "request": [ask(t, item) for item in t.settings.cors_allow_origins],
        "preflight": [preflight(t, item) for item in t.settings.cors_allow_origins],
    }
)
def test_allowed_origins(observed, t):
    for origin, seen, before in zip(t.settings.cors_allow_origins, observed["request"], observed["preflight"], strict=True):
        equal(must_answer(seen).answer.header(ALLOW), origin, f"{ALLOW} for {origin}")
        require(before.status in SUCCESS, f"a preflight from {origin} to be let in", f"HTTP {before.status}")
        equal(before.answer.header(ALLOW), origin, f"{ALLOW} on the preflight")


@control(
    "CORS-002",
    "No other origin is let in: not a stranger, null, a longer or shorter name, another scheme or port",
    severity="high",
    criterion="auth",
    refs=REFS,
    feature="cors",
    covers=("J1", "J2", "J3", "J4", "J5", "J6", "J7", "J8"),
    why="A page that an operator happens to visit could read traces and audit data in his name.",
    mend="Compare the whole origin with the list; no patterns, no reflection, no wildcard.",
)
@observe(lambda t: {"positive": ask(t, t.settings.cors_allow_origins[0]), "strangers": {origin: ask(t, origin) for origin in strangers(t)}})
def test_strange_origins(observed, t):
    equal(must_answer(observed["positive"]).answer.header(ALLOW), t.settings.cors_allow_origins[0], f"{ALLOW} of the positive control")
    for origin, seen in observed["strangers"].items():
        allowed = seen.answer.header_values(ALLOW)
        require(not {origin, "*", origin.lower()} & set(allowed), f"no {ALLOW} for {origin}", f"{allowed!r:.120}", "bypass")
        require(not allowed or allowed == [t.settings.cors_allow_origins[0]], f"no {ALLOW} for {origin}", f"{allowed!r:.120}", "bypass")


@control(
    "CORS-003",
    "A preflight from a strange origin is not let in",
    severity="high",
    criterion="auth",
    refs=REFS,
    feature="cors",
    covers=("J1",),
    why="The browser would send a stranger's request with the operator's credentials.",
    mend="Answer preflights from the same list as requests.",
)
@observe(lambda t: {"positive": preflight(t, t.settings.cors_allow_origins[0]), "strange": preflight(t, strangers(t)[0])})
def test_strange_preflight(observed, t):
    equal(observed["positive"].answer.header(ALLOW), t.settings.cors_allow_origins[0], f"{ALLOW} of the positive control")
    require(observed["strange"].answer.header(ALLOW) is None, f"no {ALLOW}", f"{observed['strange'].answer.header(ALLOW)!r:.120}", "bypass")
