"""A caller's own request id: it ends in headers, logs and terminals, so it must not be able to do anything there."""

from __future__ import annotations

from gate.api import control, observe, require

# As encoded line ends, because raw ones would make two requests of one. Escape and tab may stand in a header as they are.
HOSTILE = "gate<script>\x1b[31m%0d%0aX-Gate-Injected:%201\tX" + "A" * 300
INJECTED = "X-Gate-Injected"


def hostile_id(t):
    return t.get(t.profile.health.path, headers=[("X-Request-ID", HOSTILE)], provokes=True, note="a hostile request id")


@control(
    "RID-001",
    "A caller's request id with control characters, markup or 300 letters is not given back as it came",
    severity="low",
    criterion="errors",
    basis="hardening",
    refs=["ASVS 5.0 16.4.1", "CWE-117"],
    feature="errors,health",
    covers=("R2", "L13"),
    why="Whoever reads the log on a terminal sees what an attacker wants him to see.",
    mend="Take over ids of letters, digits, dot, dash and underscore up to 128; else make a new one.",
)
@observe(hostile_id)
def test_hostile_id(observed, t):
    require(observed.status < 500, "an answer without a crash", f"HTTP {observed.status}")
    for value in observed.answer.header_values(t.profile.errors.request_id_header):
        plain = value.isprintable() and "<" not in value and len(value) <= 128
        require(plain, "an id of its own, or a plain one", f"{value!r:.60} ({len(value)} characters)")


@control(
    "RID-002",
    "A caller's request id cannot add a header to the answer",
    severity="high",
    criterion="errors",
    refs=["CWE-113", "WSTG-INPV-15"],
    feature="health",
    covers=("R2", "L13"),
    why="An attacker could set cookies or poison caches in the service's name.",
    mend="Never decode the id; refuse or replace whatever is not plain.",
)
@observe(hostile_id)
def test_header_injection(observed):
    require(observed.status < 500, "an answer without a crash", f"HTTP {observed.status}", "crash")
    injected = observed.answer.header_values(INJECTED)
    require(not injected, f"no header {INJECTED}", f"{INJECTED}: {injected[:1]!r:.40}")
