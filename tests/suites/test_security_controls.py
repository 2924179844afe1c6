"""The controls about credentials, verbs, paths and headers can fail, each for its own reason; harmless services pass."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from gate.model import Inconclusive, Probe, Unmet
from tests.suites.small_service import (
    EVENTS,
    HEALTH,
    TOKENS,
    WHOAMI,
    Answer,
    Before,
    caller,
    header,
    healthy,
    judge,
    rerouted,
)

CONTROLS = {
    "AUTH-002": ("test_tokens", "test_scheme_case"),
    "AUTH-005": ("test_tokens", "test_empty_and_placeholder_tokens"),
    "AUTH-007": ("test_places", "test_claimed_roles"),
    "AUTH-010": ("test_credentials", "test_two_credentials"),
    "AUTH-011": ("test_credentials", "test_hidden_credentials"),
    "AUTH-012": ("test_places", "test_query_token"),
    "AUTH-013": ("test_places", "test_cookie_token"),
    "AUTH-014": ("test_credentials", "test_body_token"),
    "AUTH-016": ("test_places", "test_bent_host"),
    "AUTH-017": ("test_places", "test_exempt_query"),
    "AUTH-018": ("test_verbs", "test_other_safe_verbs"),
    "AUTH-019": ("test_places", "test_other_headers"),
    "AUTH-020": ("test_paths", "test_old_mounts"),
    "AUTH-021": ("test_credentials", "test_sample_tokens"),
    "AUTH-023": ("test_credentials", "test_connection"),
    "VERB-001": ("test_verbs", "test_method_override"),
    "VERB-002": ("test_verbs", "test_unknown_verb"),
    "VERB-003": ("test_verbs", "test_trace"),
    "VERB-005": ("test_verbs", "test_trail_is_not_editable"),
    "PATH-001": ("test_paths", "test_spellings"),
    "PATH-002": ("test_paths", "test_spelling_without_role"),
    "PATH-003": ("test_paths", "test_nul_in_path"),
    "PATH-004": ("test_paths", "test_redirect"),
    "PATH-005": ("test_paths", "test_cache_deception"),
    "HDR-001": ("test_headers", "test_rewrite"),
    "HDR-002": ("test_headers", "test_claimed_address"),
    "HDR-003": ("test_headers", "test_claimed_role"),
    "HDR-004": ("test_places", "test_forwarded_host"),
    "HDR-005": ("test_headers", "test_hop_by_hop"),
    "HDR-007": ("test_headers", "test_large_header"),
}
PLACES = ("AUTH-007", "AUTH-012", "AUTH-013", "AUTH-016", "AUTH-017", "AUTH-019")
GUARD = ("HDR-002", "HDR-003", "HDR-005")


def when(holds: Any, **as_if: Any) -> Before:
    """A fault: where that holds, the service takes the request for another one."""
    return lambda probe, ask: ask(**as_if) if holds(probe) else ask()


def spelt(normalise: Any) -> Before:
    """A fault: the router serves another spelling of a path, which the guard does not know."""

    def answer(probe: Probe, ask: Callable[..., Answer]) -> Answer:
        path = probe.target.partition("?")[0]
        plain = normalise(path)
        return ask(path=plain, who=caller(probe) or "admin") if plain != path and plain in (WHOAMI, EVENTS) else ask()

    return answer


def query(probe: Probe) -> dict[str, list[str]]:
    return parse_qs(probe.target.partition("?")[2])


def carries(probe: Probe, name: str) -> bool:
    return any(TOKENS["viewer"] in value for value in header(probe, name))


def values(probe: Probe) -> list[str]:
    return [value.removeprefix("Bearer ") for value in header(probe, "authorization")]


def highest(probe: Probe, ask: Callable[..., Answer]) -> Answer:
    return ask(who="admin" if TOKENS["admin"] in [*values(probe), *header(probe, "x-api-key")] and header(probe, "x-api-key") else None)


def crash(holds: Any) -> Before:
    return lambda probe, ask: (500, {"error": "internal"}, {}) if holds(probe) else ask()


def poison(probe: Probe, ask: Callable[..., Answer]) -> Answer:
    there = probe.target.endswith("/") and header(probe, "host")
    return (307, b"", {"location": f"http://{header(probe, 'host')[0]}{WHOAMI}"}) if there else ask()


def linked(probe: Probe, ask: Callable[..., Answer]) -> Answer:
    status, body, more = ask()
    return status, body, more | {f"link-{number}": f"<http://{host}/>" for number, host in enumerate(header(probe, "x-forwarded-host"))}


def chosen(name: str) -> Before:
    return lambda probe, ask: healthy(rerouted(probe, header(probe, name)[0])) if header(probe, name) else ask()


def override(probe: Probe, ask: Callable[..., Answer]) -> Answer:
    claimed = header(probe, "x-http-method-override") or query(probe).get("_method")
    return (404, {"error": "no such alert"}, {}) if claimed else (405, {"error": "method"}, {}) if probe.method == "GET" else ask()


def echo(probe: Probe, _ask: Callable[..., Answer]) -> Answer:
    return 200, "\r\n".join(f"{name}: {value}" for name, value in probe.headers).encode(), {"content-type": "message/http"}


class Remembering:
    """After a good call every other one is let in."""

    who: str | None = None

    def __call__(self, probe: Probe, ask: Callable[..., Answer]) -> Answer:
        known, self.who = self.who, caller(probe)
        return ask(who=self.who or known)


def dots(path: str) -> str:
    return posixpath.normpath(path) if not path.startswith("//") else path


FAULTS: list[tuple[str, str, Before]] = [
    ("AUTH-002", "a scheme in another case", when(lambda probe: "bEARER" in str(header(probe, "authorization")), who=None)),
    ("AUTH-005", "null", when(lambda probe: "null" in values(probe), who="viewer")),
    ("AUTH-005", "an empty key", when(lambda probe: header(probe, "x-api-key") == [""], who="viewer")),
    (
        "AUTH-007",
        "a trusted address",
        when(lambda probe: "127.0.0.1" in header(probe, "x-forwarded-for") and not caller(probe), who="admin"),
    ),
    ("AUTH-007", "a claimed user", when(lambda probe: header(probe, "x-remote-user"), who="admin")),
    ("AUTH-010", "the stronger one", highest),
    ("AUTH-010", "a rescued one", when(lambda probe: not caller(probe) and TOKENS["viewer"] in header(probe, "x-api-key"), who="viewer")),
    ("AUTH-011", "one of several", when(lambda probe: len(values(probe)) > 1 and TOKENS["admin"] in values(probe), who="admin")),
    (
        "AUTH-011",
        "one of a list",
        when(lambda probe: any(TOKENS["viewer"] in value and "," in value for value in values(probe)), who="viewer"),
    ),
    ("AUTH-012", "access_token", when(lambda probe: query(probe).get("access_token"), who="viewer")),
    ("AUTH-012", "api_key", when(lambda probe: query(probe).get("api_key"), who="viewer")),
    ("AUTH-013", "a cookie", when(lambda probe: carries(probe, "cookie"), who="viewer")),
    ("AUTH-014", "the body", when(lambda probe: TOKENS["viewer"].encode() in (probe.body or b""), who="viewer")),
    ("AUTH-016", "a host", when(lambda probe: "?" in str(header(probe, "host")), who="admin")),
    ("AUTH-017", "a part of the URL", when(lambda probe: "/docs" in probe.target, who="admin")),
    ("AUTH-017", "the end of the URL", when(lambda probe: probe.target.endswith("=/health"), who="admin")),
    ("AUTH-017", "a style sheet", when(lambda probe: probe.target.endswith(".css"), who="admin")),
    ("AUTH-018", "HEAD", lambda probe, ask: healthy(replace(probe, method="GET"), who="admin") if probe.method == "HEAD" else ask()),
    ("AUTH-018", "OPTIONS", lambda probe, ask: healthy(replace(probe, method="GET"), who="admin") if probe.method == "OPTIONS" else ask()),
    ("AUTH-019", "an underscore", when(lambda probe: carries(probe, "x_api_key"), who="viewer")),
    ("AUTH-019", "another name", when(lambda probe: carries(probe, "x-access-token"), who="viewer")),
    ("AUTH-020", "an old mount", when(lambda probe: probe.target.startswith("/v1/"), path=EVENTS, who="admin")),
    ("AUTH-020", "an internal mount", when(lambda probe: probe.target.startswith("/internal/"), path=EVENTS, who="admin")),
    ("AUTH-021", "a sample", when(lambda probe: "changeme" in values(probe), who="admin")),
    ("AUTH-023", "the caller before", Remembering()),
    ("VERB-001", "an override", override),
    (
        "VERB-002",
        "an unknown verb",
        lambda probe, ask: healthy(replace(probe, method="GET"), who="admin") if probe.method == "ABC" else ask(),
    ),
    ("VERB-003", "an echo", echo),
    ("VERB-005", "DELETE", lambda probe, ask: (204, b"", {}) if probe.method == "DELETE" else ask()),
    ("VERB-005", "PATCH", lambda probe, ask: (422, {"error": "body"}, {}) if probe.method == "PATCH" else ask()),
    ("PATH-001", "doubled slashes", spelt(lambda path: re.sub("//+", "/", path))),
    ("PATH-001", "dots", spelt(dots)),
    ("PATH-001", "encoded dots", spelt(lambda path: dots(path.replace("%2f", "/")) if "..%2f" in path else path)),
    ("PATH-001", "dots and semicolons", spelt(lambda path: dots(path.replace("..;", "..")))),
    ("PATH-001", "upper case", spelt(str.lower)),
    ("PATH-001", "an encoded letter", spelt(lambda path: unquote(path) if "%2f" not in path else path)),
    ("PATH-001", "an encoded slash", spelt(lambda path: path.replace("%2f", "/"))),
    ("PATH-001", "a slash", spelt(lambda path: path.removesuffix("/"))),
    ("PATH-001", "a dot", spelt(lambda path: path.removesuffix("."))),
    ("PATH-001", "a space", spelt(lambda path: path.removesuffix("%20"))),
    ("PATH-001", "a parameter", spelt(lambda path: path.partition(";")[0])),
    ("PATH-001", "an extension", spelt(lambda path: path.removesuffix(".json"))),
    ("PATH-001", "a letter encoded twice", spelt(lambda path: unquote(unquote(path)) if "%25" in path else path)),
    ("PATH-001", "a crash", crash(lambda probe: "%25" in probe.target)),
    ("PATH-002", "an encoded letter", when(lambda probe: "%" in probe.target, who="admin")),
    ("PATH-003", "a crash", crash(lambda probe: "%00" in probe.target)),
    ("PATH-004", "a redirect", poison),
    ("PATH-005", "a style sheet", lambda probe, ask: ask(path=WHOAMI) if probe.target.endswith("/x.css") else ask()),
    ("HDR-001", "X-Original-URL", chosen("x-original-url")),
    ("HDR-001", "X-Rewrite-URL", chosen("x-rewrite-url")),
    ("HDR-002", "X-Real-IP", when(lambda probe: header(probe, "x-real-ip"), who="admin")),
    ("HDR-002", "Forwarded", when(lambda probe: header(probe, "forwarded"), who="admin")),
    ("HDR-003", "X-User-Role", when(lambda probe: header(probe, "x-user-role"), who="admin")),
    ("HDR-003", "the query", when(lambda probe: query(probe).get("role"), who="admin")),
    ("HDR-004", "a link", linked),
    ("HDR-005", "stripped credentials", when(lambda probe: "Authorization" in str(header(probe, "connection")), who="admin")),
    ("HDR-007", "a crash", crash(lambda probe: any(len(value) > 8192 for _, value in probe.headers))),
]


@pytest.mark.parametrize(("control", "name", "before"), FAULTS, ids=[f"{control}: {name}" for control, name, _ in FAULTS])
def test_a_fault_is_named(control: str, name: str, before: Before) -> None:
    assert name
    with pytest.raises(Unmet):
        judge(*CONTROLS[control], before)


@pytest.mark.parametrize(("control", "name", "before"), [item for item in FAULTS if item[0] in (*PLACES, *GUARD)])
def test_a_fault_is_told_apart_from_those_that_share_its_request(control: str, name: str, before: Before) -> None:
    assert name
    for other in PLACES if control in PLACES else GUARD:
        if other != control and not (name == "a claimed user" and other in GUARD):
            assert judge(*CONTROLS[other], before), "it was made alone, and refused"


@pytest.mark.parametrize("family", [PLACES, GUARD])
def test_what_works_only_together_is_named_by_all(family: tuple[str, ...]) -> None:
    before = when(
        lambda probe: len(probe.headers) > 8 and header(probe, "x-forwarded-host") and "=" in probe.target.partition("&")[2], who="admin"
    )
    for control in family[1:]:
        with pytest.raises(Unmet):
            judge(*CONTROLS[control], before)


def edge(probe: Probe, ask: Callable[..., Answer]) -> Answer:
    """Refuses bent hosts, large headers and what it does not understand; redirects slashes; answers what it does not know with a page."""
    if header(probe, "host") or any(len(value) > 8192 for _, value in probe.headers):
        return 400, b"bad request", {"content-type": "text/plain"}
    if probe.method not in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        return 501, b"", {}
    if not probe.target.startswith("/api/") and probe.target != HEALTH:
        return 200, b"<!doctype html><title>Welcome</title>", {"content-type": "text/html"}
    return (308, b"", {"location": probe.target.rstrip("/")}) if probe.target.endswith("/") else ask()


def key_first(probe: Probe, ask: Callable[..., Answer]) -> Answer:
    key = header(probe, "x-api-key")
    return ask() if not key else healthy(replace(probe, headers=(("X-API-Key", key[0]),)))


SPARED = {"AUTH-002"}  # this small service knows one spelling of the scheme


@pytest.mark.parametrize("control", [name for name in CONTROLS if name not in SPARED])
@pytest.mark.parametrize("before", [None, edge])
def test_healthy_services_pass(control: str, before: Before) -> None:
    judge(*CONTROLS[control], before)


def test_either_header_may_count_first() -> None:
    assert len(judge(*CONTROLS["AUTH-010"], key_first)) == 2


@pytest.mark.parametrize("control", [name for name in CONTROLS if name not in SPARED])
def test_a_service_that_refuses_everyone_proves_nothing(control: str) -> None:
    with pytest.raises((Inconclusive, Unmet)):
        judge(*CONTROLS[control], lambda _probe, _ask: (401, {"error": "token"}, {}))
