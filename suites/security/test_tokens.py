"""How credentials are read: every form that must work, and those that must not."""

from __future__ import annotations

from gate.api import control, equal, must_answer, must_refuse, observe, pick, require

REFS = ["OWASP API2:2023", "ASVS 5.0 6.3.4", "WSTG-ATHN-04"]
MEND = "Compare the whole token, byte for byte and in constant time, and refuse whatever is not exactly the documented form."
PLACEHOLDERS = ("null",)  # what scripts send for a missing value; each costs a request, and a service that takes one takes this


def last(t):
    """The identity with the least power, whose token the probes may bend."""
    return next(reversed(t.profile.identities))


def raw(t, value, note, header="Authorization"):
    return t.get(t.profile.auth.whoami, headers=[(header, value)], note=note)


def positive(t):
    return t.get(t.profile.auth.whoami, last(t))


def all_refused(observed, t):
    for seen in observed["attacks"]:
        must_refuse(seen, observed["positive"], refusals=t.missing_status)


@control(
    "AUTH-001",
    "Every documented header carries every token to the same user and roles",
    severity="high",
    criterion="auth",
    refs=REFS,
    feature="auth",
    covers=("C12",),
    why="A client that uses the other header would be refused, or would act as someone else.",
    mend="Read both headers in one place.",
)
@observe(
    lambda t: {
        name: [t.get(t.profile.auth.whoami, name, scheme=number, note=form["header"]) for number, form in enumerate(t.schemes)]
        for name in t.profile.identities
    }
)
def test_both_headers(observed, t):
    auth = t.profile.auth
    for answers in observed.values():
        first = must_answer(answers[0]).json()
        for seen, form in zip(answers, t.schemes, strict=True):
            body = must_answer(seen).json()
            equal(pick(auth.user_field, body), pick(auth.user_field, first), f"the user behind {form['header']}")
            equal(sorted(pick(auth.roles_field, body)), sorted(pick(auth.roles_field, first)), f"the roles behind {form['header']}")
            if auth.source_field and form.get("source"):
                equal(pick(auth.source_field, body), form["source"], f"'{auth.source_field}' for {form['header']}")


@control(
    "AUTH-002",
    "The scheme's name is read without regard to case",
    severity="low",
    criterion="auth",
    refs=["RFC 9110 11.1"],
    feature="auth",
    why="Clients that write 'bearer' are within the standard.",
    mend="Compare the scheme case-insensitively.",
)
@observe(lambda t: raw(t, f"bEARER {t.settings.tokens[last(t)]}", "scheme 'bEARER'"))
def test_scheme_case(observed):
    must_answer(observed)


@control(
    "AUTH-003",
    "A token that is nearly right is refused",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("B4", "B5"),
    why="A comparison of prefixes or without case lets tokens be guessed piece by piece.",
    mend=MEND,
)
@observe(
    lambda t: {
        "positive": positive(t),
        "attacks": [
            t.get(t.profile.auth.whoami, token=t.derived(last(t), change), note=note)
            for note, change in (
                ("last character missing", lambda token: token[:-1]),
                ("one character more", lambda token: f"{token}x"),
                ("one character before", lambda token: f"x{token}"),
                ("case of every letter swapped", lambda token: token.swapcase() if token.swapcase() != token else f"{token}y"),
            )
        ],
    }
)
def test_near_tokens(observed, t):
    all_refused(observed, t)


@control(
    "AUTH-004",
    "A right token in a wrong scheme is refused",
    severity="medium",
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("C6",),
    why="What reads tokens loosely reads other things loosely too.",
    mend=MEND,
)
@observe(
    lambda t: {
        "positive": positive(t),
        "attacks": [raw(t, f"{scheme}{t.settings.tokens[last(t)]}", note) for scheme, note in (("Basic ", "Basic"), ("", "no scheme"))],
    }
)
def test_wrong_scheme(observed, t):
    all_refused(observed, t)


@control(
    "AUTH-005",
    "Empty and placeholder tokens are refused in every header",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("B7", "B8"),
    why="An empty entry in the token map, or a client's `null`, would be a key to the service.",
    mend="Refuse empty tokens, and check the token map when the service starts.",
)
@observe(
    lambda t: {
        "positive": positive(t),
        "attacks": [
            raw(t, f"{form['prefix']}{value}", f"{form['header']} '{value}'", form["header"])
            for number, form in enumerate(t.schemes)
            # Tokens are looked up alike, whatever header they came in: only the empty one is a matter of the header.
            for value in ("", *(PLACEHOLDERS if number == 0 else ()))
        ],
    }
)
def test_empty_and_placeholder_tokens(observed, t):
    all_refused(observed, t)


@control(
    "AUTH-006",
    "Odd bytes in a token are refused, without a crash",
    severity="high",
    criterion="auth",
    safety="denied",
    refs=[*REFS, "CWE-755"],
    feature="auth",
    covers=("B10", "B11"),
    why="A crash while a token is checked can let the caller through, and lets anyone fill the error log.",
    mend="Compare bytes, not text (secrets.compare_digest raises on non-ASCII text).",
)
@observe(
    lambda t: {
        "positive": positive(t),
        "attacks": [
            t.get(
                t.profile.auth.whoami,
                headers=[(form["header"], f"{form['prefix']}gate-\xe9\xff-token")],
                note=f"non-ASCII {form['header']}",
                provokes=True,
            )
            for form in t.schemes
        ],
    }
)
def test_odd_bytes(observed, t):
    for seen in observed["attacks"]:
        # A proxy may refuse such bytes before the service sees them.
        must_refuse(seen, observed["positive"], refusals=[*t.missing_status, 400])


@control(
    "AUTH-008",
    "Revoked tokens are refused on every connection",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=["checklist 0", "OWASP API2:2023"],
    feature="auth,revoked_tokens",
    covers=("C4",),
    why="A token that was shared or leaked stays usable.",
    mend="Restart every replica with the new token map.",
)
@observe(
    lambda t: {
        "positive": positive(t),
        "attacks": [
            t.get(
                t.profile.auth.whoami,
                token=token,
                note=f"revoked token {number}, connection {connection}",
                fresh=True,
                headers=[("X-Gate-Connection", str(connection))],
            )
            for number, token in enumerate(t.settings.revoked_tokens, 1)
            for connection in (1, 2, 3)
        ],
    }
)
def test_revoked_tokens(observed, t):
    all_refused(observed, t)


@control(
    "AUTH-009",
    "A write without a token is refused before its body is looked at",
    severity="high",
    criterion="auth",
    safety="denied",
    refs=["OWASP API2:2023", "OWASP API4:2023"],
    feature="auth",
    covers=("B2", "B20"),
    why="Strangers could reach the parsers behind the door.",
    mend="Check the token before the body is parsed.",
)
@observe(lambda t: [t.call(endpoint) for endpoint in t.profile.endpoints if endpoint.protected and endpoint.has_body][:3])
def test_writes_without_token(observed, t):
    require(bool(observed), "an endpoint with a body in the profile", "none")
    for seen in observed:
        require(
            seen.status in t.missing_status, f"{seen.probe} to be refused", f"HTTP {seen.status}", "bypass" if seen.status < 300 else ""
        )
