"""Which credential counts: of several, of unknown ones, after another caller's. One request says as much as it can."""

from __future__ import annotations

from gate.api import SUCCESS, Lacking, Phase, control, describe, must_answer, must_keep_out, must_refuse, observe, pick, require

REFS = ["OWASP API2:2023", "ASVS 5.0 6.3.4", "WSTG-ATHN-04"]
SAMPLES = ("changeme", "secret")


def positive(t):
    return t.get(t.profile.auth.whoami, t.weakest)


def whoami(t, headers, note):
    return t.get(t.profile.auth.whoami, headers=headers, note=note)


def strongest(t):
    names = list(t.profile.identities)
    return next((name for name in names if t.profile.identities[name].passes_every_role), names[0])


def roles_of(seen, t):
    return sorted(pick(t.profile.auth.roles_field, must_answer(seen).json()) or [])


def pair(t, first, second, note):
    """Two credentials in one request, in the two documented headers; where only one is documented, in X-API-Key besides."""
    one, other = [*t.schemes, {"header": "X-API-Key", "prefix": ""}][:2]
    return whoami(t, [(one["header"], f"{one['prefix']}{first}"), (other["header"], f"{other['prefix']}{second}")], note)


@control(
    "AUTH-010",
    "Of two credentials in one request neither adds to the other: the stronger one does not win, a good one excuses no bad one",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("C7",),
    why="Edge and service may look at different credentials: what one of them checks, the other does not use.",
    mend="Let one documented header count, or refuse requests with two credentials.",
)
@observe(
    lambda t: {
        "positive": positive(t),
        "two": pair(t, t.settings.tokens[t.weakest], t.settings.tokens[strongest(t)], "two identities' tokens"),
        "rescue": pair(t, t.decoy_token, t.settings.tokens[t.weakest], "an unknown token and a good one"),
    }
)
def test_two_credentials(observed, t, send):
    two, rescue, tokens = observed["two"], observed["rescue"], t.settings.tokens
    if two.status not in (*t.missing_status, 400) and roles_of(two, t) != roles_of(observed["positive"], t):
        # The second header counts, which is fine, unless the stronger token counts in the first one too.
        other = send(pair(t, tokens[strongest(t)], tokens[t.weakest], "the same tokens, the other way round"))
        wins = other.status in SUCCESS and roles_of(other, t) == roles_of(two, t)
        require(not wins, "one header to count", f"the stronger token counts in either: {describe(two)}; {describe(other)}", "bypass")
        must_keep_out(send(pair(t, tokens[t.weakest], t.decoy_token, "a good token and an unknown one")), observed["positive"])
        require(rescue.status < 500, "no crash", describe(rescue), "crash")
    else:
        must_keep_out(rescue, observed["positive"])


@control(
    "AUTH-011",
    "A credential between others is not searched for: not among repeated headers, not in a list in one header",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=[*REFS, "CWE-436"],
    feature="auth",
    covers=("C8", "C9"),
    why="A proxy checks one of them, the service acts on another one.",
    mend="Refuse repeated credential headers, or take the first one only; never split one.",
)
@observe(
    lambda t: {
        "positive": positive(t),
        "attacks": [
            whoami(
                t,
                [(t.schemes[0]["header"], f"{t.schemes[0]['prefix']}{token}") for token in (t.decoy_token, good, t.decoy_token)],
                "a good token between two unknown ones",
            )
            for good in [t.settings.tokens[strongest(t)]]
        ]
        + [
            whoami(
                t,
                [(form["header"], f"{form['prefix']}{t.decoy_token}, {form['prefix']}{t.settings.tokens[t.weakest]}")],
                "a list of an unknown token and a good one",
            )
            for form in t.schemes[:1]
        ],
    }
)
def test_hidden_credentials(observed):
    for seen in observed["attacks"]:
        must_keep_out(seen, observed["positive"])


def own_write(t):
    """A call with a body that the weakest identity may make, in its harmless form."""
    for endpoint in t.profile.endpoints:
        if endpoint.protected and isinstance(endpoint.body, dict) and not endpoint.guarded_by and t.weakest in t.entitled(endpoint):
            return endpoint
    raise Lacking(f"the profile has no call with a JSON object that '{t.weakest}' may make")


def with_token_in_body(t):
    endpoint, token = own_write(t), t.settings.tokens[t.weakest]
    return t.call(endpoint, json={**endpoint.body, "token": token, "access_token": token, "api_key": token}, note="token in the body")


@control(
    "AUTH-014",
    "A token in the body is not read",
    severity="medium",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=["ASVS 5.0 14.2.1", "OWASP API2:2023"],
    feature="auth",
    covers=("C3",),
    why="Bodies are logged, stored and sent by forms of strange pages; the parser would work for strangers too.",
    mend="Take tokens from the documented headers only, before the body is read.",
)
@observe(lambda t: {"positive": t.call(own_write(t), t.weakest), "attack": with_token_in_body(t)})
def test_body_token(observed, t):
    must_refuse(observed["attack"], observed["positive"], refusals=t.missing_status, admitted=own_write(t).allowed)


def areas(t):
    """One read of each area: the part of the path behind version and prefix (`/api/v1/audit`)."""
    reads = [item for item in t.profile.endpoints if item.protected and item.method == "GET" and 200 in item.allowed]
    own = t.profile.auth.whoami.split("/")[:4]
    return list({tuple(item.path.split("/")[:4]): item for item in reads if item.path.split("/")[:4] != own}.values())


@control(
    "AUTH-015",
    "An unknown token is refused in every documented header and in every area of the service",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("B3",),
    why="One router that asks only whether there is a token is open to everyone.",
    mend="Let one dependency look tokens up, and put every router behind it.",
)
@observe(
    lambda t: {
        "whoami": [(positive(t), t.get(t.profile.auth.whoami, token=t.decoy_token, scheme=number)) for number in range(len(t.schemes))],
        "areas": [
            (t.call(item, t.entitled(item)[0]), t.call(item, token=t.decoy_token, scheme=number % len(t.schemes)))
            for number, item in enumerate(areas(t))
        ],
    }
)
def test_unknown_tokens(observed, t):
    for proof, seen in [*observed["whoami"], *observed["areas"]]:
        must_refuse(seen, proof, refusals=t.missing_status)


@control(
    "AUTH-021",
    "Tokens of sample configurations do not work",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=[*REFS, "CWE-1392"],
    feature="auth",
    covers=("B9",),
    why="They stand in the documentation, where everyone can read them.",
    mend="Remove them from API_TOKEN_MAP_JSON, and refuse to start with one of them.",
)
@observe(
    lambda t: {
        "positive": positive(t),
        "attacks": [
            t.get(t.profile.auth.whoami, token=token, scheme=number % len(t.schemes), note=f"sample token '{token}'")
            for number, token in enumerate(dict.fromkeys([*SAMPLES, *(t.profile.auth.sample_tokens or ())]))
        ],
    }
)
def test_sample_tokens(observed, t):
    for seen in observed["attacks"]:
        must_refuse(seen, observed["positive"], refusals=t.missing_status)


@control(
    "AUTH-022",
    "A refusal for want of a token says how to authenticate",
    severity="low",
    criterion="auth",
    basis="hardening",
    phase=Phase.CLOSING,
    refs=["RFC 9110 11.6.1"],
    feature="auth",
    covers=("B19",),
    why="Clients that follow the standard do not know what to send.",
    mend="Send WWW-Authenticate with every 401.",
)
def test_challenge(run, measured, t):
    refusals = [item for item in run.observations if item.response is not None and item.response.status in t.missing_status]
    measured(len(refusals))
    for item in refusals:
        # 403 instead of 401 is allowed, and asks for no challenge.
        told = item.response.status != 401 or item.response.header("www-authenticate")
        require(bool(told), "WWW-Authenticate with every 401", f"none in the answer to {item.probe}")


@control(
    "AUTH-023",
    "A connection that carried a good token does not let the next caller in",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("B6",),
    why="Proxies put the requests of many people on one connection: one would act in the name of the one before.",
    mend="Look at the credentials of every request; keep nothing of them in the connection.",
)
def test_connection(t, send):
    # One after the other, nothing else being in flight: the second request takes the connection that the first one has just given back.
    credential = list(t.credential(t.weakest))
    good = send(whoami(t, [*credential, ("X-Gate-Connection", "first")], "first on a connection"))
    bare = send(whoami(t, [("X-Gate-Connection", "second")], "second on the same connection"))
    must_refuse(bare, must_answer(good), refusals=t.missing_status)
