"""Credentials and claims where none may be read. All go in one request for each place, and alone only if that is answered otherwise."""

from __future__ import annotations

from urllib.parse import quote

from gate.api import control, equal, must_answer, observe, pick, require

REFS = ["OWASP API2:2023", "ASVS 5.0 6.3.4", "WSTG-ATHN-04"]
WHO = (
    "X-Role",
    "X-Roles",
    "X-User-Role",
    "X-User",
    "X-User-Id",
    "X-Remote-User",
    "X-Forwarded-User",
    "X-Authenticated-User",
    "X-Actor",
)
WHENCE = ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "X-Custom-IP-Authorization")
QUERY = ("token", "access_token", "api_key", "apikey", "auth")
COOKIES = ("token", "access_token", "session", "Authorization")
OTHERS = ("X_API_Key", "X-Api-Token", "X-Auth-Token", "Api-Key", "X-Access-Token")


def claims(t):
    """A role, a user, a trusted address; and a host that nothing may be built from (HDR-004)."""
    power = next(iter(t.profile.identities.values()))
    canary = f"gate-{t.run_id}.forwarded.example"
    headers = [(name, power.roles[0]) for name in WHO] + [(name, "127.0.0.1") for name in WHENCE]
    return [*headers, ("X-Forwarded-Host", canary), ("X-Forwarded-Prefix", f"/{canary}")]


def attacks(t, host, ending):
    """By name: the query and the headers of each attack. The one that bends the URL's end comes last."""
    token = t.settings.tokens[t.weakest]
    return {
        "claims": ("", claims(t)),
        "query": ("&".join(f"{name}={quote(token, safe='')}" for name in QUERY), []),
        "cookie": ("", [("Cookie", "; ".join(f"{name}={token}" for name in COOKIES))]),
        "other header": ("", [(name, token) for name in OTHERS if name.lower() not in [form["header"].lower() for form in t.schemes]]),
        "host": ("", [("Host", host)]),
        "exempt": (f"x=/docs&next=/openapi.json&x={ending}", []),
    }


def places(t):
    """By name: path, the answer to who may, what bends Host, and what bends the URL's end."""
    read, health = t.guarded_read, t.profile.health.path if t.profile.has("health") else "/health"
    return {
        "whoami": (t.profile.auth.whoami, t.get(t.profile.auth.whoami, t.weakest), "a/?x=", health),
        "read": (read.path, t.call(read, t.entitled(read)[-1]), f"a{health}?x=", ".css"),
    }


def target(t, path, query):
    path = t.fill(path)
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


def everywhere(t):
    found = {}
    for name, (path, proof, host, ending) in places(t).items():
        parts = attacks(t, host, ending).values()
        query = "&".join(part for part, _ in parts if part)
        headers = [header for _, some in parts for header in some] + [("Origin", t.strange_origin)]
        together = t.get(target(t, path, query), headers=headers, provokes=True, note="every credential and claim where none is read")
        found[name] = {"positive": proof, "plain": t.get(path), "together": together}
    return found


def judge_all(observed, t, apart, mine):
    for name, (path, _, host, ending) in places(t).items():
        alone = {
            part: t.get(target(t, path, query), headers=headers, provokes=True, note=part)
            for part, (query, headers) in attacks(t, host, ending).items()
        }
        apart(observed[name], alone, mine, t.missing_status)


def claim(t):
    return t.get(t.profile.auth.whoami, t.weakest, headers=claims(t), note="claims roles and a trusted address")


@control(
    "AUTH-007",
    "Roles and identities that a caller claims in headers have no effect",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=["OWASP API5:2023", "ASVS 5.0 15.3.4", "WSTG-ATHZ-02"],
    feature="auth",
    covers=("D7", "H2", "H3"),
    why="Anyone could make himself an administrator.",
    mend="Strip such headers at the edge and never read them in the service.",
)
@observe(lambda t: {"everywhere": everywhere(t), "positive": t.get(t.profile.auth.whoami, t.weakest), "claiming": claim(t)})
def test_claimed_roles(observed, t, apart):
    judge_all(observed["everywhere"], t, apart, "claims")
    plain, claiming = must_answer(observed["positive"]).json(), must_answer(observed["claiming"]).json()
    for name, field in (("user", t.profile.auth.user_field), ("roles", t.profile.auth.roles_field)):
        equal(pick(field, claiming), pick(field, plain), f"the {name} with claiming headers")


@control(
    "AUTH-012",
    "A token in the query is not read",
    severity="medium",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=["ASVS 5.0 14.2.1", "OWASP API2:2023", "CWE-598"],
    feature="auth",
    covers=("C1",),
    why="URLs end in access logs, histories and chats; with a token in them these are keys to the service.",
    mend="Take tokens from the documented headers only.",
)
@observe(everywhere)
def test_query_token(observed, t, apart):
    judge_all(observed, t, apart, "query")


@control(
    "AUTH-013",
    "A token in a cookie is not read",
    severity="medium",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=["ASVS 5.0 3.5.1", "CWE-352"],
    feature="auth",
    covers=("C2",),
    why="Browsers send cookies by themselves: any page could act in the name of whoever looks at it.",
    mend="Take tokens from the documented headers only.",
)
@observe(everywhere)
def test_cookie_token(observed, t, apart):
    judge_all(observed, t, apart, "cookie")


@control(
    "AUTH-016",
    "A bent Host header does not switch authentication off",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=[*REFS, "CVE-2026-48710"],
    feature="auth",
    covers=("B12",),
    why="One request would read the audit trail without a token.",
    mend="Decide by the path of the request, not by a URL built from Host; update Starlette to 1.0.1 or newer.",
)
@observe(everywhere)
def test_bent_host(observed, t, apart):
    judge_all(observed, t, apart, "host")


@control(
    "AUTH-017",
    "The name of a public path in the query does not switch authentication off",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("B13",),
    why="Everything would be open to whoever writes `?x=/docs` behind it.",
    mend="Compare the whole path with the list of public paths, not the URL's end or a part of it.",
)
@observe(everywhere)
def test_exempt_query(observed, t, apart):
    judge_all(observed, t, apart, "exempt")


@control(
    "AUTH-019",
    "A token in a header that is not documented is not read",
    severity="medium",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=[*REFS, "CWE-436"],
    feature="auth",
    covers=("C10",),
    why="What the edge strips, logs or limits by the documented name gets past it under another one.",
    mend="Read the documented headers only; let the edge drop header names with underscores.",
)
@observe(everywhere)
def test_other_headers(observed, t, apart):
    judge_all(observed, t, apart, "other header")


@control(
    "HDR-004",
    "Nothing is built from a host or prefix that the caller claims",
    severity="medium",
    criterion="auth",
    refs=["ASVS 5.0 4.1.3", "WSTG-INPV-17", "CWE-644"],
    feature="auth",
    covers=("H4",),
    why="A link or redirect of the service leads people, or their tokens, to another machine.",
    mend="Build links from configuration; take forwarding headers from your own proxy only.",
)
@observe(lambda t: {"claiming": claim(t), "everywhere": [item["together"] for item in everywhere(t).values()]})
def test_forwarded_host(observed, t):
    canary = f"gate-{t.run_id}.forwarded.example"
    must_answer(observed["claiming"])
    for seen in [observed["claiming"], *observed["everywhere"]]:
        held = [f"{name}: {value}" for name, value in seen.answer.headers if canary in value]
        held += ["the body"] if canary.encode() in seen.answer.body else []
        require(not held, "nothing built from what the caller claims", f"{held[:1]!r:.160} in the answer to {seen.probe}")
