"""What no answer may give away: the inside of the service, tokens, hosts behind it, files and tools beside it."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

from gate.api import SUCCESS, Phase, control, describe, observe, require

# What is stored may speak of tracebacks: within a document that was asked for, only what comes of a running program counts.
FRAME = re.compile(
    rb"Traceback \(most recent call last\):\s*(?:\\n|\s)*File |File \\?\"[^\"]+\\?\", line \d+, in |site-packages/[\w/.-]+\.py"
    rb"|psycopg\d?\.(?:errors|OperationalError|DataError|ProgrammingError)|sqlalchemy\.exc|asyncpg\.exceptions"
    rb"|<title>[^<]*(?:Debugger|Traceback)|at [\w.$]+\(\w+\.java:\d+\)",
)
INSIDE = re.compile(
    rb"Traceback \(most recent call last\)|File \\?\"[^\"]+\", line \d+|\.py\\?\", line \d+|psycopg|asyncpg|sqlalchemy|SQLSTATE"
    rb"|relation \\?\"[^\"]+\" does not exist|duplicate key value violates|syntax error at or near|\bpg_[a-z]+|PG::|org\.postgresql"
    rb"|\bselect\b[^.]{1,400}\bfrom\b[^.]{1,200}\b(?:where|join|limit|order by)\b"
    rb"|\binsert into \w+|\bupdate \w+ set\b|\bdelete from \w+ where\b|Exception (?:Type|Value)"
    rb"|Werkzeug|/site-packages/|/usr/(?:local/)?lib/python|/(?:app|srv|opt|home|root|var|code)/[\w/.-]+\.\w{1,5}\b"
    rb"|<title>[^<]*Debugger|\b[a-z]+(?:\.[a-z]+)+\.\w+(?:Error|Exception):|java\.lang\.",
    re.IGNORECASE,
)
BARE = re.compile(rb"Traceback \(most recent call last\)|SQLSTATE|Werkzeug")
UPPER_SQL = re.compile(rb"\bSELECT\b.{1,400}\bFROM\b", re.DOTALL)
WORDS = re.compile(r"[a-z]+(?:[-_.][a-z]+)*[-_.]?")


def answered(run):
    return [seen for seen in run.observations if seen.response is not None]


def is_document(seen):
    """Whether the body is a whole document of the interface: JSON or CSV."""
    try:
        return seen.media_type == "text/csv" or json.loads(seen.response.body) is not None
    except (ValueError, RecursionError):
        return False


def inside(seen):
    """What an answer tells about the inside, unless it only quotes what it was asked; None if nothing."""
    body, asked = seen.response.body, unquote_to_bytes(seen.probe.target) + seen.sent + (seen.probe.body or b"")
    patterns = [INSIDE, UPPER_SQL] if seen.response.status >= 400 else [FRAME] if is_document(seen) else [FRAME, BARE]
    hits = (match[0] for pattern in patterns for match in pattern.finditer(body))
    return next((hit for hit in hits if hit not in asked), None)


@control(
    "TAP-003",
    "No answer shows the inside of the service: tracebacks, SQL, driver names, paths of its code",
    severity="high",
    criterion="errors",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 16.5.1", "WSTG-ERRH-02"],
    covers=("I11", "K1", "K2", "K3", "K6"),
    why="It tells an attacker what to try next, and can hold data of others.",
    mend="Log the exception, answer the envelope.",
)
def test_no_inside(run, measured):
    measured(len(answered(run)))
    for item in answered(run):
        found = inside(item)
        require(found is None, "nothing about the inside", f"{found!r:.80} in the answer to {item.probe}")


def forms(token):
    """The token, and what it looks like after somebody has handled it."""
    plain = base64.b64encode(token.encode()).decode().rstrip("=")[:-1]
    found = {token, token[::-1], quote(token, safe=""), plain, plain.replace("+", "-").replace("/", "_")}
    beginning = token[:12]
    # The first letters of a token that reads like a name may be a name.
    if len(token) >= 16 and not WORDS.fullmatch(beginning):
        found.add(beginning)
    return found


@control(
    "TAP-004",
    "No answer repeats a token, or a part of one",
    severity="critical",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=["OWASP API2:2023", "ASVS 5.0 14.2.1"],
    covers=("C11", "N3", "V14"),
    why="Tokens end in logs, caches and screenshots.",
    mend="Never echo headers or rejected input; name people by their user id.",
)
def test_no_token_echo(run, measured, t):
    measured(len(answered(run)))
    header = (t.profile.data.get("errors", {}).get("request_id_header") or "X-Request-ID").lower()
    known = [(name, form.encode("latin-1", "replace")) for name, token in t.settings.tokens.items() for form in forms(token)]
    for item in answered(run):
        head = "\n".join(value for name, value in item.response.headers if name.lower() != header).encode("latin-1", "replace")
        text = item.response.body + b"\n" + head
        for name, form in known:
            require(
                form not in text, "no token in any answer", f"the {name} token, or a form of it, in the answer to {item.probe}", "bypass"
            )


INTERNAL = re.compile(
    r"(?<![\d.])(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2})(?![\d.])"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:internal|svc|cluster\.local|local|lan|intra)\b",
    re.IGNORECASE,
)
BACKENDS = re.compile(r"x-(?:backend|upstream|real-server|served-by|host|node|pod)[\w-]*", re.IGNORECASE)


@control(
    "TAP-010",
    "No header names the hosts behind the service",
    severity="low",
    criterion="errors",
    basis="hardening",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 13.4.6"],
    covers=("K3",),
    why="Names and addresses of the inside are a map for whoever gets a first foothold.",
    mend="Take such headers away at the proxy.",
)
def test_no_internal_hosts(run, measured, t):
    measured(len(answered(run)))
    own = urlsplit(t.settings.base_url).hostname or ""
    for item in answered(run):
        for name, value in item.response.headers:
            found = INTERNAL.search(value)
            port = name.lower() == "via" and re.search(r"\s[\w.-]+:\d+", value)
            named = BACKENDS.fullmatch(name) or port or (found and found[0].lower() != own)
            require(not named, "no host of the inside", f"{name}: {value:.80} in the answer to {item.probe}")


# Where frameworks and careless copies leave things, and what they look like; beyond that, any answer that nothing else gets.
TOOLS = {
    "/.env": re.compile(rb"^\s*(?:export )?[A-Z][A-Z0-9_]+=", re.MULTILINE),
    "/.git/HEAD": re.compile(rb"^ref: refs/|^[0-9a-f]{40}\s*$"),
    "/metrics": re.compile(rb"^# (?:HELP|TYPE) ", re.MULTILINE),
    "/debug": re.compile(rb"(?i)debug|environ|settings|config"),
    "/server-status": re.compile(rb"(?i)server status|uptime|requests? currently"),
}


@control(
    "LEAK-001",
    "Configuration, version control, metrics and debugging tools are not served to strangers",
    severity="high",
    criterion="auth",
    refs=["WSTG-CONF-05", "ASVS 5.0 13.4.1", "OWASP API8:2023"],
    covers=("K8",),
    why="One such file holds the passwords of everything else.",
    mend="Serve nothing but the interface; put metrics on a port of their own.",
)
@observe(lambda t: {path: t.get(path) for path in TOOLS if path not in {item.path for item in t.profile.endpoints}})
def test_tools(observed):
    # A site that answers everything with one page is known by that: then only what it looks like counts.
    everything = all(seen.status in SUCCESS for seen in observed.values())
    bodies = [seen.answer.body for seen in observed.values()]
    for path, seen in observed.items():
        body = seen.answer.body
        alike = everything and (bodies.count(body) > 1 or not TOOLS[path].search(body))
        require(seen.status not in SUCCESS or not body.strip() or alike, f"nothing at {path}", describe(seen), "bypass")


DSN = re.compile(r"\b(?:postgres\w*|mysql|redis|amqp|mongodb)(?:\+\w+)?://|://[^\s\"@/]+:[^\s\"@/]+@")
PLACE = re.compile(r"(?<![\w.:/])/(?:usr|home|var|app|etc|opt|srv|data|tmp|mnt|root)/\w")
PRIVATE = re.compile(
    r"\"(?:env|environment|app_env|config|settings|host|hostname|python\w*|\w*(?:dsn|_url|password|secret|token|_dir|_path|_key)|[A-Z][A-Z0-9]*_[A-Z0-9_]+)\""
    r"\s*:\s*(?!null|true|false)"
)
NUMBERED = re.compile(
    r"\"(?!version\"|api_version\"|release\"|build\"|app_version\")([^\"]+)\"\s*:\s*\"[^\"]*?\b\d+\.\d+(?:\.\d+)*[^\"]*\""
)


@control(
    "LEAK-002",
    "The health check tells strangers nothing about the inside",
    severity="high",
    criterion="errors",
    refs=["ASVS 5.0 13.4.5"],
    feature="health",
    covers=("K9",),
    why="It is open to everyone, and could hold the database's password.",
    mend="Answer the status and nothing else; details belong to an endpoint with a token.",
)
@observe(lambda t: t.get(t.profile.health.path))
def test_health_is_silent(observed, t):
    text = observed.answer.body.decode("utf-8", "replace")
    require(observed.status < 500, "an answer", f"HTTP {observed.status}", "unavailable")
    for pattern in (DSN, PLACE, INTERNAL, PRIVATE, NUMBERED):
        found = next((match[0] for match in pattern.finditer(text) if not expected(match[0], t)), None)
        require(found is None, "a status and nothing about the inside", f"{found!r:.60} in the health answer", "bypass")


def expected(text, t):
    """Whether the profile itself has the health check say so."""
    return any(f'"{key}"' in text for key in t.profile.health.expect or {})


LISTING = re.compile(rb"(?i)<title>\s*(?:index of|directory listing)|<h1>\s*(?:index of|directory listing)|parent directory</a>")
LINKS = re.compile(rb"(?i)<a\s+href=\"(?!https?:|#|mailto:)[^\"]+\.?\w*/?\"")


@control(
    "LEAK-003",
    "Folders of files are not listed for strangers",
    severity="high",
    criterion="auth",
    refs=["WSTG-CONF-04", "ASVS 5.0 13.4.3", "CWE-548"],
    covers=("K11", "B18"),
    why="Audit packs and lab reports could be found and read by anyone.",
    mend="Serve stored files through the interface only, never a folder as it is.",
)
@observe(lambda t: t.get("/storage/"))
def test_folders(observed):
    body = observed.answer.body
    listed = observed.status in SUCCESS and (LISTING.search(body) or len(LINKS.findall(body)) >= 3)
    require(not listed, f"no listing at {observed.probe.target}", describe(observed), "bypass")
