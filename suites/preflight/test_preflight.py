"""Phase 0: is there a target, and are the four tokens what they claim to be? If not, the run stops with one sentence."""

from __future__ import annotations

from gate.api import Inconclusive, Phase, control, equal, must_refuse, observe, pick, require

REDIRECTS = range(300, 400)


@control(
    "PRE-001",
    "The target answers its health check",
    severity="critical",
    criterion="errors",
    phase=Phase.PREFLIGHT,
    refs=["checklist 3"],
    feature="health",
    covers=("A1", "A6"),
    why="Nothing can be said about a service that cannot be reached.",
    mend="Check BASE_URL, the deployment and what stands before it (DNS, proxy, certificate).",
)
@observe(lambda t: t.get(t.profile.health.path))
def test_target_answers(observed, t):
    if observed.status in REDIRECTS:
        where = f"{observed.answer.header('location')!r:.120}"
        raise Inconclusive(f"{observed.probe} redirects to {where}; the gate follows no redirect: set BASE_URL to the service itself")
    require(observed.status == 200, "HTTP 200", f"HTTP {observed.status}", "unavailable")
    body = observed.json()
    for key, value in (t.profile.health.expect or {}).items():
        equal(pick(key, body), value, f"'{key}' of the health answer")


@control(
    "PRE-002",
    "Every token is accepted and resolves to exactly the roles it stands for",
    severity="critical",
    waivable=False,
    criterion="auth",
    phase=Phase.PREFLIGHT,
    refs=["checklist 1", "OWASP API2:2023"],
    feature="auth",
    covers=("A2", "A4"),
    why="With a token of another role every finding about access would be about the wrong person.",
    mend="Give each *_TOKEN the token of its own role, or correct the deployment's token map.",
)
@observe(lambda t: {name: t.get(t.profile.auth.whoami, name) for name in t.profile.identities})
def test_tokens_resolve_to_their_roles(observed, t):
    users = []
    for name, seen in observed.items():
        identity = t.profile.identities[name]
        require(seen.status == 200, f"{identity.token_env} to be accepted", f"HTTP {seen.status}")
        roles = pick(t.profile.auth.roles_field, seen.json())
        require(isinstance(roles, list), f"a list of roles for {identity.token_env}", f"{roles!r:.80}")
        require(
            set(roles) == set(identity.roles),
            f"{identity.token_env} to resolve to {', '.join(identity.roles)}",
            f"it resolves to {', '.join(map(str, roles)) or 'no role':.200}",
        )
        users.append(pick(t.profile.auth.user_field, seen.json()))
    if t.profile.auth.user_field:
        require(len(set(map(str, users))) == len(users), "a user of its own for each token", f"users {users!r:.200}")


@control(
    "PRE-003",
    "Authentication is switched on: without a token, or with an unknown one, nobody is let in",
    severity="critical",
    waivable=False,
    criterion="auth",
    phase=Phase.PREFLIGHT,
    refs=["checklist 8", "OWASP API2:2023", "ASVS 5.0 6.3.4", "WSTG-ATHN-04"],
    feature="auth",
    safety="denied",
    covers=("A3", "B1", "B3"),
    why="With authentication off everyone may start recalls, write process logs and read the audit trail.",
    mend="Set AUTH_ENABLED=true and restart; roll back if it has been open to others.",
)
@observe(
    lambda t: {
        "positive": t.get(t.profile.auth.whoami, next(iter(t.profile.identities))),
        "anonymous": t.get(t.profile.auth.whoami),
        "unknown": t.get(t.profile.auth.whoami, token=t.decoy_token),
    }
)
def test_authentication_is_on(observed, t):
    must_refuse(observed["anonymous"], observed["positive"], refusals=t.missing_status)
    must_refuse(observed["unknown"], observed["positive"], refusals=t.missing_status)
    require(t.settings.auth_enabled, "AUTH_ENABLED=true in the deployment's settings", "AUTH_ENABLED=false", "bypass")
    if t.profile.auth.enabled_field:
        equal(pick(t.profile.auth.enabled_field, observed["positive"].json()), expected=True, what=f"'{t.profile.auth.enabled_field}'")
