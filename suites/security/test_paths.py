"""Paths: other spellings of a protected one, old addresses, NUL bytes, redirects. Targets go on the wire as they are written here."""

from __future__ import annotations

import re

from gate.api import SUCCESS, Inconclusive, Lacking, control, describe, must_answer, must_keep_out, observe, require, same_answer

REFS = ["OWASP API5:2023", "ASVS 5.0 4.1.4", "WSTG-ATHZ-02", "CWE-22"]
VERSION = re.compile(r"^/api/v\d+(?=/)")
MEND = "Normalise the path once, before guard and router look at it; refuse what is not in normal form."


def letter(path, form):
    """The path with its last letter percent-encoded."""
    at = max(number for number, sign in enumerate(path) if sign.isalpha())
    return f"{path[:at]}{form.format(ord(path[at]))}{path[at + 1 :]}"


def spellings(path, health):
    """Other spellings of a path: by what they are called, for one place or the other."""
    first, _, rest = path[1:].partition("/")
    return {
        "doubled slash": f"/{path}",
        "dot segments": f"/./{first}/x/../{rest}",
        "encoded dots behind a public path": f"{health}/..%2f{path[1:]}",
        "dots and semicolon behind a public path": f"{health}/..;{path}",
        "upper case": path.upper(),
        "encoded letter": letter(path, "%{:02x}"),
        "encoded slash": "%2f".join(path.rsplit("/", 1)),
        "dot at the end": f"{path}.",
        "space at the end": f"{path}%20",
        "parameter": f"{path};a=b",
        "extension": f"{path}.json",
        "letter encoded twice": letter(path, "%25{:02x}"),
    }


def spelled(t, name, path):
    """One spelling of a path (query and all) as a target."""
    plain, mark, query = t.fill(path).partition("?")
    health = t.profile.health.path if t.profile.has("health") else "/health"
    return spellings(plain, health)[name] + mark + query


def proofs(t):
    read = t.guarded_read
    return [(t.profile.auth.whoami, t.get(t.profile.auth.whoami, t.weakest)), (read.path, t.call(read, t.entitled(read)[-1]))]


def anonymous(t):
    """Every spelling once, in turn of whoami and of a read that is guarded by role."""
    places = proofs(t)
    found = []
    for number, name in enumerate(spellings("/a/b", "/health")):
        path, proof = places[number % len(places)]
        found.append((proof, t.get(spelled(t, name, path), provokes=True, note=name)))
    return found


def respelled(t, identity):
    return t.get(spelled(t, "encoded letter", t.guarded_read.path), identity, provokes=True, note="encoded letter")


def must_stay_out(seen, proof):
    """Not let in; but a page for people, at an address that the API does not have, is no data of the API."""
    page = seen.status in SUCCESS and seen.media_type == "text/html" != must_answer(proof).media_type
    return seen if page and not same_answer(seen, proof) else must_keep_out(seen, proof)


def with_slash(t, identity=None, headers=()):
    return t.get(f"{t.profile.auth.whoami}/", identity, headers=headers, provokes=True, note="slash at the end")


def poisoned(t):
    """The slash at the end, with a host that a redirect may not name."""
    return with_slash(t, headers=[("Host", f"gate-{t.run_id}.host.example")])


@control(
    "PATH-001",
    "No other spelling of a protected path lets callers in without a token",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8"),
    why="A guard that compares another path than the router serves can be walked around with one character.",
    mend=MEND,
)
@observe(lambda t: {"spellings": anonymous(t), "slash": poisoned(t)})
def test_spellings(observed, t, send):
    for proof, seen in observed["spellings"]:
        must_stay_out(seen, proof)
    slash, proof = observed["slash"], observed["spellings"][0][0]
    # The same request serves PATH-004; where the edge turns its Host away, the slash has not been tried yet.
    must_stay_out(slash if slash.status not in (400, 403, 421) else send(with_slash(t)), proof)


@control(
    "PATH-002",
    "No other spelling of a protected path lets callers in who lack the role",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=REFS,
    feature="auth",
    covers=("G5",),
    why="Roles that are looked up by the path as it was written are not found for another spelling of it.",
    mend=MEND,
)
@observe(
    lambda t: {
        "positive": t.call(t.guarded_read, t.entitled(t.guarded_read)[-1]),
        "attack": t.get(
            spelled(t, "encoded letter", t.guarded_read.path), t.refused(t.guarded_read)[-1], provokes=True, note="encoded letter"
        ),
        "slash": t.get(f"{t.guarded_read.path.partition('?')[0]}/", t.refused(t.guarded_read)[-1], provokes=True, note="slash at the end"),
    }
)
def test_spelling_without_role(observed):
    for name in ("attack", "slash"):
        must_stay_out(observed[name], observed["positive"])


def nul(t):
    """A read whose path names something by id, and the same with a NUL in that id."""
    for item in t.profile.endpoints:
        found = re.search(r"\{(?:batch_code|ghost_uuid|ghost_batch)\}", item.path)
        if item.method == "GET" and found and (item.allow == "open" or t.weakest in t.entitled(item)):
            path = f"{item.path[: found.start()]}a%00b{item.path[found.end() :]}"
            attack = t.get(path, t.weakest, provokes=True, note="NUL in the path")
            return {"positive": t.call(item, t.weakest), "attack": attack}
    raise Lacking(f"the profile has no GET endpoint that names something by id in its path and that '{t.weakest}' may call")


@control(
    "PATH-003",
    "A NUL byte in the path is refused without a crash",
    severity="medium",
    criterion="errors",
    refs=["OWASP API8:2023", "CWE-158"],
    covers=("G10", "L4"),
    why="PostgreSQL takes no NUL in texts: anyone could fill the error log and hide a real failure in it.",
    mend="Refuse control characters in path parameters.",
)
@observe(nul)
def test_nul_in_path(observed, t):
    positive, attack = observed["positive"], observed["attack"]
    if positive.status in t.missing_status:
        raise Inconclusive(f"the plain read was refused ({describe(positive)}), so that the path was not looked at")
    require(attack.status < 500, "a refusal", describe(attack), "crash")


@control(
    "PATH-004",
    "A redirect does not lead to the host that the caller claims",
    severity="low",
    criterion="auth",
    basis="hardening",
    refs=["WSTG-INPV-17", "CWE-601"],
    feature="auth",
    covers=("G9",),
    why="A cache that keeps the redirect would send everyone after to another machine.",
    mend="Redirect to paths, or switch redirects of slashes off; accept known hosts only.",
)
@observe(lambda t: {"positive": t.get(t.profile.auth.whoami, t.weakest), "attack": poisoned(t)})
def test_redirect(observed, t):
    must_answer(observed["positive"])
    location = observed["attack"].answer.header("location") or ""
    require(f"gate-{t.run_id}.host.example" not in location, "no host that the caller claims", f"Location: {location:.120}")


@control(
    "PATH-005",
    "A file name behind a path does not answer like the path",
    severity="medium",
    criterion="auth",
    refs=["WSTG-ATHN-06", "CWE-525"],
    feature="auth",
    covers=("P3",),
    why="A cache takes the answer for a style sheet, keeps it, and gives one caller's data to the next.",
    mend="Match whole paths; mark answers as no-store.",
)
@observe(
    lambda t: {
        "positive": t.get(t.profile.auth.whoami, t.weakest),
        "attack": t.get(f"{t.profile.auth.whoami}/x.css", t.weakest, headers=[("Origin", t.strange_origin), ("Cookie", "gate_probe=1")]),
    }
)
def test_cache_deception(observed):
    must_stay_out(observed["attack"], observed["positive"])


def mounts(t):
    inner = VERSION.sub("", t.fill(t.guarded_read.path))
    return [f"/v1{inner}", f"/internal{inner}"]


@control(
    "AUTH-020",
    "Old and internal addresses of a protected read are not open",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="denied",
    refs=["OWASP API9:2023", "WSTG-CONF-05"],
    feature="auth",
    covers=("B17",),
    why="A forgotten mount shows the same data without any guard.",
    mend="Remove old mounts; let internal ones listen on an address of their own.",
)
@observe(
    lambda t: {
        "positive": t.call(t.guarded_read, t.entitled(t.guarded_read)[-1]),
        "attacks": [t.get(path, provokes=True, note="another mount") for path in mounts(t)],
    }
)
def test_old_mounts(observed):
    for seen in observed["attacks"]:
        must_stay_out(seen, observed["positive"])
