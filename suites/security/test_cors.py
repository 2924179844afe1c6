"""CORS: the allowed origins are let in, no other, and no further. Probes carry a cookie: some frameworks reflect an origin only then."""

from __future__ import annotations

from gate.api import SUCCESS, Inconclusive, Phase, control, equal, must_answer, observe, require

REFS = ["OWASP API8:2023", "ASVS 5.0 3.4.2", "WSTG-CLNT-07"]
COOKIE = ("Cookie", "gate_probe=1")
ALLOW, CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"
EVIL_HEADER = "x-evil-gate"
ELSEWHERE = 7


def ask(t, origin, number=0):
    """A read from that origin. One stranger asks for what is guarded by role: routes may have a CORS layer of their own (CORS-007)."""
    headers, note = [("Origin", origin), COOKIE], f"Origin {origin}"
    if number == ELSEWHERE and t.profile.has("auth"):
        return t.get(t.guarded_read.path, t.entitled(t.guarded_read)[-1], headers=headers, note=note)
    return t.get(t.profile.cors.path, t.weakest, headers=headers, note=note)


def preflight(t, origin, method="GET", header="authorization", more=()):
    asked = [("Origin", origin), COOKIE, ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", header), *more]
    return t.request("OPTIONS", t.profile.cors.path, headers=asked, note=f"preflight from {origin}")


def greedy(t):
    """A preflight from an allowed origin that asks for more than it may have."""
    private = ("Access-Control-Request-Private-Network", "true")
    return preflight(t, t.settings.cors_allow_origins[0], "DELETE", EVIL_HEADER, [private])


def strangers(t):
    good = t.settings.cors_allow_origins[0]
    scheme, _, host = good.partition("://")
    other = "http" if scheme == "https" else "https"
    listed = {origin.lower() for origin in t.settings.cors_allow_origins}
    candidates = [
        t.strange_origin,
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
@observe(
    lambda t: {
        "positive": ask(t, t.settings.cors_allow_origins[0]),
        "strangers": {origin: ask(t, origin, number) for number, origin in enumerate(strangers(t))},
    }
)
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


def listed(seen, header):
    """What a header lists, over all its lines, in lower case."""
    return {part.strip().lower() for value in seen.answer.header_values(header) for part in value.split(",")}


def allowed(t):
    """The request that CORS-001 makes from the first allowed origin."""
    return ask(t, t.settings.cors_allow_origins[0])


@control(
    "CORS-005",
    "An allowed origin may use the verbs and headers of the interface, and no others",
    severity="medium",
    criterion="auth",
    refs=REFS,
    feature="cors",
    covers=("J10",),
    why="A fault in the operations page would reach further than the page needs.",
    mend="List the verbs and headers that the page uses; no wildcard, no reflection of what is asked.",
)
@observe(lambda t: {"positive": allowed(t), "greedy": greedy(t)})
def test_surplus(observed, t):
    equal(must_answer(observed["positive"]).answer.header(ALLOW), t.settings.cors_allow_origins[0], f"{ALLOW} of the positive control")
    used = {endpoint.method.lower() for endpoint in t.profile.endpoints}
    methods = listed(observed["greedy"], "access-control-allow-methods") & ({"*", "delete", "put", "trace", "connect"} - used)
    require(not methods, "no verb that the interface does not use", f"{', '.join(sorted(methods))} allowed", "bypass")
    headers = listed(observed["greedy"], "access-control-allow-headers") & {"*", EVIL_HEADER}
    require(not headers, "no header that nobody knows", f"{', '.join(sorted(headers))} allowed", "bypass")


@control(
    "CORS-006",
    "An answer for an allowed origin says that it varies by origin",
    severity="low",
    criterion="auth",
    basis="hardening",
    refs=["Fetch 3.2.7", "ASVS 5.0 3.4.2"],
    feature="cors",
    covers=("J12",),
    why="A cache hands the answer for one origin to another page, whose browser then refuses it.",
    mend="Send Vary: Origin.",
)
@observe(allowed)
def test_vary(observed):
    values = listed(must_answer(observed), "vary")
    require(bool(values & {"origin", "*"}), "Vary: Origin", f"Vary: {', '.join(sorted(values)) or 'absent'}")


@control(
    "CORS-007",
    "A strange origin is let in nowhere: not on refusals, missing paths, exports or the health check either",
    severity="high",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=REFS,
    feature="cors,auth",
    covers=("J13",),
    why="Error handlers, exports and mounted parts often have a CORS layer of their own; a page could read through the one that is open.",
    mend="Let one outermost middleware decide about origins.",
)
def test_strange_origins_everywhere(t, run, measured):
    seen = [item for item in run.observations if item.response is not None and strange(item.probe, t)]
    measured(len(seen))
    for item in seen:
        values = set(item.response.header_values(ALLOW))
        let_in = values & {"*", "null", *(value for name, value in item.probe.headers if name == "Origin")}
        require(not let_in, f"no {ALLOW} for a strange origin", f"{let_in!r:.100} in the answer to {item.probe}", "bypass")
    statuses = {item.response.status for item in seen}
    if not (statuses & set(SUCCESS) and any(400 <= status < 500 for status in statuses)):
        raise Inconclusive(f"a strange origin was answered with {sorted(statuses)} only; successes and refusals were wanted")


def strange(probe, t):
    origins = {value for name, value in probe.headers if name == "Origin"}
    return bool(origins) and not origins & set(t.settings.cors_allow_origins)


@control(
    "CORS-008",
    "A page from the internet is not let into the private network",
    severity="medium",
    criterion="auth",
    refs=["Private Network Access", "ASVS 5.0 3.4.2"],
    feature="cors",
    covers=("J14",),
    why="Browsers would carry requests of outside pages to services behind the firewall.",
    mend="Do not send Access-Control-Allow-Private-Network.",
)
@observe(lambda t: {"positive": allowed(t), "greedy": greedy(t)})
def test_private_network(observed, t):
    equal(must_answer(observed["positive"]).answer.header(ALLOW), t.settings.cors_allow_origins[0], f"{ALLOW} of the positive control")
    value = observed["greedy"].answer.header("access-control-allow-private-network")
    require((value or "").lower() != "true", "no Access-Control-Allow-Private-Network", f"{value!r:.40}", "bypass")


@control(
    "CORS-009",
    "An allowed origin may send credentials where the profile says so, and only there",
    severity="medium",
    criterion="auth",
    refs=REFS,
    feature="cors",
    covers=("J11",),
    why="The operations page could not send what it is logged in with; or it could, though nobody meant it to.",
    mend="Set allow_credentials as the contract says, or correct `cors.credentials` of the profile.",
)
@observe(allowed)
def test_credentials(observed, t):
    seen = (must_answer(observed).answer.header(CREDENTIALS) or "").lower()
    if t.profile.cors.credentials is not None:
        equal(seen == "true", t.profile.cors.credentials, CREDENTIALS)
