"""The controls about hostile values, bodies, leaking places and shapes can fail, each for its own reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jmespath
import pytest

from gate.model import Inconclusive, Observation, Unmet
from gate.plugin.engine import probes_in
from gate.plugin.requests import Target
from gate.target.profile import load_profile
from tests.suites.made_up import by, html, nothing, run_of, saw, suite, target

BODIES, INJECTION = suite("security/test_bodies.py"), suite("security/test_injection.py")
LEAKS, SHAPES = suite("security/test_leaks.py"), suite("acceptance/test_shapes.py")
EVENTS = "/api/v1/audit/events?limit=1"
FULL = saw({"rows": [{"audit_id": "1"}]}, target=EVENTS)
NONE = saw({"rows": [], "count": 0}, target=EVENTS, provokes=True)
REFUSED, CRASHED = saw({}, 422, provokes=True), saw({}, 500, provokes=True)


@pytest.fixture
def t() -> Target:
    return target()


def recalled(count: int) -> Observation:
    return saw({"simulation": {"impacted_customers_count": count, "suppliers_count": 0, "finished_lots_count": 0}}, provokes=True)


HEALTHY = {"list": NONE, "trace": saw({}, 404, provokes=True), "recall": recalled(0)}


def test_sql(t: Target) -> None:
    INJECTION.test_sql(HEALTHY, run_of(FULL), t)
    INJECTION.test_sql(HEALTHY | {"list": REFUSED, "recall": REFUSED}, run_of(), t)
    for broken in ({"list": FULL}, {"list": CRASHED}, {"trace": saw({})}, {"trace": CRASHED}, {"recall": recalled(2)}, {"recall": CRASHED}):
        with pytest.raises(Unmet):
            INJECTION.test_sql(HEALTHY | broken, run_of(FULL), t)
    with pytest.raises(Inconclusive):
        INJECTION.test_sql(HEALTHY, run_of(NONE), t)


def test_wildcards(t: Target) -> None:
    INJECTION.test_wildcards(NONE, run_of(FULL), t)
    with pytest.raises(Unmet):
        INJECTION.test_wildcards(FULL, run_of(FULL), t)


@pytest.mark.parametrize(
    ("message", "fails"),
    [
        ("Unknown batch", False),
        ("Unknown batch G{{7*7}}G${7*7}G<%=7*7%>G", False),
        ("item 49 of G{{7*7}}G", False),
        ("Unknown batch: 49", True),
        ("Unknown batch G49G${7*7}G<%=7*7%>G", True),
        ("no 5a490000-0000-4949-8000-000000000049", False),
    ],
)
def test_templates(message: str, fails: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    seen = saw({"error": {"message": message}}, 404, provokes=True)
    if not fails:
        INJECTION.test_templates(seen)
        return
    with pytest.raises(Unmet):
        INJECTION.test_templates(seen)


REFUSING = (INJECTION.test_whole_numbers, INJECTION.test_dates, BODIES.test_no_numbers, BODIES.test_list_as_body, BODIES.test_encodings)
WITHSTANDING = (INJECTION.test_texts, INJECTION.test_half_a_character, BODIES.test_accept)


@pytest.mark.parametrize("check", [*REFUSING, *WITHSTANDING])
def test_values(check: Any) -> None:
    """INJ-002 to INJ-006, INJ-011, BODY-002, BODY-004: a crash is seen; so is a value that is taken, where it must be refused."""
    shape = (lambda seen: [seen]) if check in (INJECTION.test_whole_numbers, INJECTION.test_texts) else (lambda seen: seen)
    for status in (400, 413, 415, 422):
        check(shape(saw({}, status, provokes=True)))
    with pytest.raises(Unmet):
        check(shape(CRASHED))
    if check in REFUSING:
        with pytest.raises(Unmet):
            check(shape(saw({})))
    else:
        check(shape(saw({})))


def test_types_of_bodies(t: Target) -> None:
    """BODY-001."""
    path, body = "/api/v1/recall/simulate", t.ghost_batch.encode()
    run = run_of(saw({}, 404, target=path, method="POST", body=body))
    for status in (415, 422, 400):
        BODIES.test_types([saw({}, status, provokes=True)], run, nothing, t)
    for status in (200, 404, 500):
        with pytest.raises(Unmet):
            BODIES.test_types([REFUSED, saw({}, status, provokes=True)], run, nothing, t)
    BODIES.test_types([REFUSED], run_of(), lambda _: saw({}), t)
    with pytest.raises(Inconclusive):
        BODIES.test_types([REFUSED], run_of(), lambda _: REFUSED, t)


def test_page_size(t: Target) -> None:
    """BODY-003."""
    BODIES.test_page_size({"one": FULL, "outside": [REFUSED]}, t)
    for broken in ({"outside": [REFUSED, saw({"rows": []})]}, {"outside": [CRASHED]}, {"one": saw({"rows": [{}, {}]})}, {"one": saw({})}):
        with pytest.raises(Unmet):
            BODIES.test_page_size({"one": FULL, "outside": [REFUSED]} | broken, t)


def test_tools() -> None:
    """LEAK-001, also on a site that answers everything with one page."""
    absent = {path: saw({}, 404) for path in LEAKS.TOOLS}
    LEAKS.test_tools(absent)
    LEAKS.test_tools(dict.fromkeys(LEAKS.TOOLS, html(b"<h1>Welcome to our settings</h1>")))
    for path, body in {
        "/.env": b"APP=1",
        "/.git/HEAD": b"ref: refs/heads/x",
        "/metrics": b"# HELP a",
    }.items():
        for others in (absent, dict.fromkeys(LEAKS.TOOLS, html(b"<h1>Welcome</h1>"))):
            with pytest.raises(Unmet):
                LEAKS.test_tools(others | {path: saw(body, 200, ("Content-Type", "text/plain"))})
    with pytest.raises(Unmet):
        LEAKS.test_tools(absent | {"/debug": saw({"threads": 14})})


@pytest.mark.parametrize("body", [{"status": "ok"}, {"status": "ok", "db": "ok", "version": "1.2.3", "uptime": 3.5}, {"details": None}])
def test_silent_health(body: dict[str, Any], t: Target) -> None:
    LEAKS.test_health_is_silent(saw(body), t)


@pytest.mark.parametrize(
    "more",
    [
        {"database": "postgresql://app:secret@db/x"},
        {"cache": "redis://cache"},
        {"link": "https://me:secret@example.com"},
        {"env": {"A": "1"}},
        {"hostname": "api-1"},
        {"info": {"STORAGE_DIR": "x"}},
        {"disk": "/var/lib/x"},
        {"peer": "10.0.0.3"},
        {"postgres": "PostgreSQL 14.2"},
    ],
)
def test_telling_health(more: dict[str, Any], t: Target) -> None:
    """LEAK-002."""
    with pytest.raises(Unmet):
        LEAKS.test_health_is_silent(saw({"status": "ok"} | more), t)


def test_folders() -> None:
    """LEAK-003."""
    LEAKS.test_folders(saw({}, 404))
    LEAKS.test_folders(html(b'<a href="/ops">Operations</a>'))
    for page in (b"<title>Index of /storage/</title>", b'<a href="a/">a</a><a href="b.csv">b</a><a href="c.csv">c</a>'):
        with pytest.raises(Unmet):
            LEAKS.test_folders(html(page))


WHO = {"auth_enabled": True, "user": {"user_id": "u", "roles": [], "token_source": "x"}}
RUN = {"run_id": "1", "run_type": "DAILY_CYCLE", "status": "running", "started_at": "2026-01-02T03:04:05Z", "completed_at": None}
SOME: dict[str, list[Any]] = {"GET /api/v1/auth/whoami": [WHO], "GET /api/v1/automation/runs": [{"rows": [RUN]}]}


def shaped(check: Any, t: Target, answers: dict[str, list[Any]]) -> None:
    """Judge those answers by the profile's shapes of just those paths."""
    data = [item for item in t.profile.data["shapes"] if f"{item['method']} {item['path']}" in answers]
    seen = [saw(body, target=key.split()[1], **by("viewer")) for key, bodies in answers.items() for body in bodies]
    check(run_of(*seen), nothing, SimpleNamespace(profile=SimpleNamespace(data={"shapes": data})))


def test_shapes_hold(t: Target) -> None:
    shaped(SHAPES.test_fields, t, SOME)
    shaped(SHAPES.test_times, t, SOME)
    shaped(SHAPES.test_fields, t, {"GET /api/v1/kpi/daily": [{"rows": []}], "GET /api/v1/audit/events": [[], {"rows": []}]})


@pytest.mark.parametrize("time", ["2026-01-02T03:04:05", "2026-01-02", 1767322445, "yesterday"])
def test_bad_times(time: Any, t: Target) -> None:
    """SHAPE-001."""
    with pytest.raises(Unmet):
        shaped(SHAPES.test_times, t, {"GET /api/v1/automation/runs": [{"rows": [RUN, RUN | {"started_at": time}]}]})


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("GET /api/v1/auth/whoami", WHO | {"auth_enabled": "true"}),
        ("GET /api/v1/auth/whoami", {"data": WHO}),
        ("GET /api/v1/auth/whoami", {"auth_enabled": True, "user": {"user_id": "u", "roles": "admin", "token_source": "x"}}),
        ("GET /api/v1/automation/runs", {"rows": [RUN | {"run_id": None}]}),
        ("GET /api/v1/automation/runs", {"rows": [{key: RUN[key] for key in RUN if key != "completed_at"}]}),
        ("GET /api/v1/automation/runs", {"items": [RUN]}),
        ("GET /api/v1/kpi/daily", {"rows": [{"kpi_date": "02.01.2026"}]}),
    ],
)
def test_bad_fields(key: str, body: Any, t: Target) -> None:
    """SHAPE-002."""
    with pytest.raises(Unmet):
        shaped(SHAPES.test_fields, t, {key: [body]})


@pytest.mark.parametrize("check", [SHAPES.test_fields, SHAPES.test_times])
def test_what_was_not_seen_is_inconclusive(check: Any, t: Target) -> None:
    with pytest.raises(Inconclusive):
        shaped(check, t, {"GET /api/v1/automation/status": [], "GET /api/v1/auth/whoami": [WHO]})


def test_shipped_profile() -> None:
    """What no schema can see: expressions that parse, endpoints that exist, writes that cannot succeed."""
    profile = load_profile("supply_intel")
    for expression in [profile.inputs.rows, *(item["each"] for item in profile.data["shapes"] if "each" in item)]:
        jmespath.compile(expression)
    for key in ("text_write", "number_write", "integer_write", "partial_write"):
        endpoint = profile.endpoint(getattr(profile.inputs, key))
        assert not {200, 201, 202} & set(endpoint.allowed)


def test_no_hostile_request_can_write(t: Target) -> None:
    """Each write asks for what does not exist, or holds what nothing can be done with."""
    hopeless = (t.ghost_batch.encode(), t.ghost_uuid.encode(), b"not-a-number", b"timeout_minutes=1" + b"0" * 30)
    for module in (BODIES, INJECTION):
        for check in (getattr(module, name) for name in dir(module) if name.startswith("test_")):
            for probe in probes_in(check.__gate_observe__(t)):
                sent = probe.target.encode() + (probe.body or b"")
                assert probe.method == "GET" or probe.body in (b"[]", b"no gzip") or any(text in sent for text in hopeless)
