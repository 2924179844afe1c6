"""What all answers of the run say of themselves: type, caching, cookies, hygiene."""

from __future__ import annotations

import json
import re

from gate.api import Phase, control, describe, equal, require

VERSION = re.compile(r"\d+\.\d+")
USUAL = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def answered(run):
    return [seen for seen in run.observations if seen.response is not None]


def of_the_api(run, t):
    """Answers of the interface itself: to requests that nothing on the way had a reason to answer instead."""
    profile = t.profile
    public = {item.path.split("?")[0] for item in profile.endpoints if item.allow == "public"}
    areas = {item.path.split("/")[1].split("?")[0] for item in profile.endpoints if item.allow != "public"}
    usual = {"content-type", "accept", "origin", "cookie", *(scheme["header"].lower() for scheme in t.schemes)}
    for seen in answered(run):
        probe, path = seen.probe, seen.probe.target.split("?")[0]
        plain = not probe.provokes and probe.method in USUAL and {name.lower() for name, _ in probe.headers} <= usual
        if plain and path not in public and path.split("/")[1:2] and path.split("/")[1] in areas and "//" not in path:
            yield seen


@control(
    "TAP-005",
    "Answers to callers with a token may not be stored by caches",
    severity="medium",
    criterion="auth",
    basis="hardening",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 14.3.2"],
    covers=("P1",),
    why="A shared cache could hand one caller's data to the next.",
    mend="Send Cache-Control: no-store.",
)
def test_not_cacheable(run, measured):
    seen = [item for item in answered(run) if item.probe.identity and item.response.status == 200]
    measured(len(seen))
    for item in seen:
        value = (item.response.header("cache-control") or "").lower()
        require("no-store" in value or "private" in value, "Cache-Control: no-store", f"{value!r} on {item.probe}")


@control(
    "TAP-006",
    "Answers say that their type must not be guessed, and no banner tells versions",
    severity="low",
    criterion="errors",
    basis="hardening",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 13.4.6"],
    covers=("K4", "P4"),
    why="Small helps for an attacker.",
    mend="Send X-Content-Type-Options: nosniff; no version in Server, no X-Powered-By.",
)
def test_hygiene_headers(run, measured):
    # What the HTTP library itself refuses as malformed never comes to the application, which sets these headers.
    seen = [item for item in answered(run) if item.response.body and not item.probe.provokes]
    measured(len(seen))
    for item in seen:
        equal((item.response.header("x-content-type-options") or "").lower(), "nosniff", f"X-Content-Type-Options of {item.probe}")
        banner = f"{item.response.header('server') or ''} {item.response.header('x-powered-by') or ''}"
        require(not VERSION.search(banner), "no version in banners", f"{banner.strip()!r:.80}")


@control(
    "TAP-007",
    "Every answer says its right type: JSON is application/json, CSV is text/csv",
    severity="medium",
    criterion="errors",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 4.1.1", "CWE-436"],
    covers=("K12", "L12", "P9", "S1"),
    why="Data that calls itself HTML runs as a page in a browser; clients that go by the type cannot read what has none.",
    mend="Set the media type where the answer is made; let error pages of the proxy be JSON too.",
)
def test_types(run, measured, t):
    ours = [seen for seen in of_the_api(run, t) if has_a_body(seen)]
    measured(len(ours))
    for seen in ours:
        right_type(seen)
    for seen in answered(run):
        if seen.media_type in ("", "text/html") and seen.response.body.lstrip()[:1] in (b"{", b"["):
            require(not is_json(seen.response.body), "JSON as application/json", f"{seen.media_type or 'no type'}: {describe(seen)}")


def has_a_body(seen):
    """Whether there is something to name a type of; what a gateway answers in the service's stead is TAP-001's matter."""
    return bool(seen.response.body) and seen.probe.method != "HEAD" and seen.response.status not in (204, 304, 502, 503, 504)


def right_type(seen):
    kind, path = seen.media_type, seen.probe.target.split("?")[0]
    if path.endswith(".csv") and seen.response.status == 200:
        require(kind == "text/csv", f"text/csv of {seen.probe}", kind or "no type")
    elif kind == "application/json" or kind.endswith("+json"):
        require(is_json(seen.response.body), "JSON that can be read", describe(seen))
    elif seen.response.status not in range(300, 400):
        # A picture or a document that is meant to be kept as a file is no JSON and need not be.
        attached = (seen.response.header("content-disposition") or "").lower().startswith("attachment")
        kept = attached and kind not in ("", "text/html") and not is_json(seen.response.body)
        require(
            kept and seen.response.status == 200,
            f"application/json of {seen.probe}",
            f"{kind or 'no type'} with HTTP {seen.response.status}",
        )


def is_json(body):
    try:
        json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return True


@control(
    "TAP-009",
    "A cookie on an answer of the interface is Secure, HttpOnly and SameSite",
    severity="medium",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 3.3.1", "WSTG-SESS-02", "CWE-614"],
    covers=("P10",),
    why="A cookie without them can be stolen by a script or a listener, or used by a page elsewhere.",
    mend="Set no cookie, or one with all three attributes; that goes for those of a load balancer too.",
)
def test_cookies(run, measured, t):
    ours = list(of_the_api(run, t))
    measured(len(ours))
    for seen in ours:
        for cookie in seen.response.header_values("set-cookie"):
            words = {part.split("=")[0].strip().lower() for part in cookie.split(";")[1:]}
            missing = {"secure", "httponly", "samesite"} - words
            name = cookie.split("=")[0]
            require(not missing, "Secure, HttpOnly and SameSite", f"{name:.40} without {', '.join(sorted(missing))} ({seen.probe})")


@control(
    "TAP-011",
    "No answer to a caller with a token lets a shared cache keep it, or comes from one",
    severity="high",
    criterion="auth",
    phase=Phase.CLOSING,
    refs=["ASVS 5.0 14.3.2", "CWE-524"],
    covers=("P1", "P2"),
    why="A cache hands one caller's data to the next, without asking for a token.",
    mend="Send Cache-Control: no-store, and keep the interface out of what the proxy caches.",
)
def test_not_shared(run, measured, t):
    ours = [seen for seen in of_the_api(run, t) if seen.probe.identity and seen.response.status == 200]
    measured(len(ours))
    for seen in ours:
        value = ",".join(seen.response.header_values("cache-control")).lower()
        words = {part.partition("=")[0].strip(): part.partition("=")[2].strip(' "') for part in value.split(",")}
        kept = bool(re.search(r"[1-9]", words.get("max-age", ""))) and not {"private", "no-store"} & set(words)
        require(
            not kept and not {"public", "s-maxage"} & set(words),
            "nothing that a shared cache may keep",
            f"Cache-Control: {value:.60} on {seen.probe}",
        )
        hit = seen.response.header("age") is not None or (seen.response.header("x-cache") or "").lower().startswith("hit")
        require(not hit, "an answer of the service itself", f"one out of a cache (Age or X-Cache) to {seen.probe}", "bypass")
