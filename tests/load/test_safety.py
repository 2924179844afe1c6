"""What may be sent, and what is refused before the first byte."""

import importlib.util
import sys
from pathlib import Path

import pytest

from gate.errors import ConfigurationError
from gate.load import LoadRefused, RateLimit, is_production
from gate.load.plan import make_plan
from gate.load.safety import arrivals, busiest, check, exceeds
from tests.load.conftest import rules, section

ROOT = Path(__file__).resolve().parents[2]
LIMIT = RateLimit(300, 60)
STEADY = section(4, 60)  # three of four arrivals are the reader's, half of these go to each of its paths
ONE_PATH = {"name": "one", "identity": "viewer", "weight": 1, "writes": False}


def plan(load=STEADY, name="smoke", **more):
    known = {"base_url": "http://x", "run_id": "0123456789ab", "user_agent": "gate", "values": {"batch_code": "B/1"}}
    return make_plan(load, name, **{**known, **more})


def one_path(rate, seconds, *, writes=False, path="/a"):
    """A `[load]` section whose every request goes to one path."""
    request = {"method": "GET", "path": path, "name": "GET /a", "expect": [200]}
    return section(rate, seconds, journeys=[ONE_PATH | {"writes": writes, "requests": [request]}])


def schedule():
    """perf/schedule.py, which is no package."""
    spec = importlib.util.spec_from_file_location("perf_schedule", ROOT / "perf" / "schedule.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["perf_schedule"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("steps", [[(4, 60)], [(7.5, 3), (0.3, 10), (20, 1)]])
def test_the_schedule_that_is_checked_is_the_one_that_is_sent(steps):
    made = plan(section(profiles={"smoke": {"steps": [{"rate": rate, "seconds": seconds} for rate, seconds in steps]}}))
    sent = [(item.due, item.identity, item.request["path"]) for item in schedule().arrivals(made.data)]
    assert list(arrivals(made.data)) == sent
    assert len(sent) == made.scheduled


ALLOWED = [
    pytest.param(one_path(4, 60), rules(LIMIT), {}, id="80 % exactly"),
    pytest.param(one_path(4, 60), rules(LIMIT, loopback=False), {}, id="elsewhere, declared"),
    pytest.param(one_path(4.75, 60), rules(LIMIT, share=0.95), {}, id="95 % where asked for"),
    pytest.param(one_path(50, 10), rules(None), {}, id="nothing declared, on this machine"),
    pytest.param(one_path(50, 10), rules(LIMIT, beyond_limit=True), {}, id="over it on purpose"),
    pytest.param(one_path(50, 10, path="/a?x=1"), rules(RateLimit(300, 60, exempt=frozenset({"/a"}))), {}, id="an exempt path"),
    pytest.param(section(9, 60), rules(LIMIT), {}, id="each path on its own"),
    pytest.param(section(4.5, 60), rules(RateLimit(300, 60, "token")), {}, id="each identity on its own"),
    pytest.param(one_path(3, 60), rules(LIMIT), {"/a": 60}, id="less what was sent"),
    pytest.param(one_path(4, 60), rules(LIMIT), {"/b": 300}, id="what was sent elsewhere"),
    pytest.param(one_path(4, 60), rules(LIMIT, production=True, allow_production=True), {}, id="reads on production"),
    pytest.param(section(4, 60), rules(LIMIT, production=True, allow_production=True), {}, id="on production without what writes"),
]
REFUSED = [
    pytest.param(one_path(4.1, 60), rules(LIMIT), {}, "at most 240, 80% of the declared 300", id="over 80 %"),
    pytest.param(one_path(50, 6), rules(LIMIT), {}, "would get 300 requests in 60 s", id="a short burst"),
    pytest.param(one_path(4.8, 60), rules(LIMIT, share=0.95), {}, "at most 285, 95%", id="over 95 %"),
    pytest.param(one_path(1, 60), rules(LIMIT, share=0.96), {}, "no safe share", id="more than 95 % asked for"),
    pytest.param(one_path(1, 60), rules(LIMIT, share=float("nan")), {}, "no safe share", id="a share that is no number"),
    pytest.param(one_path(1, 60), rules(None, loopback=False), {}, "no rate limit is declared", id="elsewhere, none declared"),
    pytest.param(one_path(1, 60), rules(None, loopback=False, beyond_limit=True), {}, "no rate limit is declared", id="even on purpose"),
    pytest.param(section(4.5, 60), rules(RateLimit(300, 60, "client")), {}, "the target would get 270", id="all paths together"),
    pytest.param(section(6, 60), rules(RateLimit(300, 60, "token")), {}, "the identity 'viewer'", id="one identity"),
    pytest.param(one_path(3, 60), rules(LIMIT), {"/a": 61}, "would get 241 requests in 60 s (61 of them sent already)", id="sent before"),
    pytest.param(one_path(4, 60, path="/a?x={batch_code}"), rules(LIMIT), {"/a": 1}, "/a would get 241", id="the query does not count"),
    pytest.param(one_path(40, 60), rules(None), {}, "2400 requests; expected at most 2000", id="the cap on requests"),
    pytest.param(one_path(1, 61), rules(None), {}, "61 seconds; expected at most 60", id="the cap on seconds"),
    pytest.param(one_path(1, 9), rules(LIMIT, production=True), {}, "--allow-production-load", id="production"),
    pytest.param(
        one_path(1, 9), rules(LIMIT, production=True, allow_production=True, beyond_limit=True), {}, "--beyond-limit", id="over it there"
    ),
]


@pytest.mark.parametrize(("load", "permitted", "already"), ALLOWED)
def test_what_may_be_sent(load, permitted, already):
    check(plan(load | {"limits": {"requests": 2000, "seconds": 60}}, reads_only=permitted.production), permitted, already)


@pytest.mark.parametrize(("load", "permitted", "already", "why"), REFUSED)
def test_what_is_refused(load, permitted, already, why):
    with pytest.raises(LoadRefused) as refused:
        check(plan(load), permitted, already)
    assert why in str(refused.value)
    assert refused.value.exit_status == 2


def test_what_was_sent_leaves_the_window():
    # 240 of the run's own after the first minute; the 60 of before are gone by then.
    slow_then_fast = one_path(1, 1, path="/a") | {"limits": {"requests": 2000, "seconds": 200}}
    slow_then_fast["profiles"] = {"smoke": {"steps": [{"rate": 1, "seconds": 60}, {"rate": 3.9, "seconds": 60}]}}
    check(plan(slow_then_fast), rules(LIMIT), {"/a": 60})


def test_a_window_is_counted_wherever_it_begins():
    steps = {"smoke": {"steps": [{"rate": 1, "seconds": 55}, {"rate": 30, "seconds": 10}, {"rate": 1, "seconds": 55}]}}
    load = one_path(1, 1) | {"profiles": steps, "limits": {"requests": 2000, "seconds": 200}}
    assert busiest(plan(load), LIMIT, {})["/a"] == 300 + 50
    assert exceeds(plan(load), LIMIT, {})
    assert not exceeds(plan(one_path(5, 60)), LIMIT, {})


def test_only_smoke_is_for_production():
    load = one_path(1, 9)
    load["profiles"] = {"steady": load["profiles"]["smoke"]}
    with pytest.raises(LoadRefused, match="'steady' is not for production"):
        check(plan(load, "steady"), rules(LIMIT, production=True, allow_production=True), {})


def test_recalls_that_the_gate_times_count_as_writes():
    timed = plan(section(4, 60, profiles={"smoke": {"steps": [{"rate": 4, "seconds": 60}], "recall": 3}}), reads_only=True)
    assert timed.writing == ("recall drill",)
    for permitted in (rules(LIMIT, production=True, allow_production=True), rules(LIMIT, reads_only=True)):
        with pytest.raises(LoadRefused, match="recall drill"):
            check(timed, permitted, {})
    check(timed, rules(LIMIT), {})


def test_a_journey_that_writes_is_refused_on_production_and_left_out_of_its_plan():
    permitted = rules(LIMIT, production=True, allow_production=True)
    with pytest.raises(LoadRefused, match="'ops' of the load profile writes"):
        check(plan(), permitted, {})
    load = section(thresholds=["errors<1%", "POST /run: p95<1s", "GET /audit: p95<1s"])
    reads = plan(load, reads_only=True)
    check(reads, permitted, {})
    assert (reads.left_out, reads.writing) == (("ops",), ())
    assert reads.names == ["GET /trace/{code}", "GET /audit"]
    assert reads.thresholds == ("errors<1%", "GET /audit: p95<1s")
    with pytest.raises(ConfigurationError, match="no journey"):
        plan(one_path(1, 9, writes=True), reads_only=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("production", True), ("prod", True), ("eu-prod", True), ("Live", True), ("PRD_2", True)]
    + [(name, False) for name in ("staging", "pre-production", "non-prod", "preprod", "products", "demo")],
)
def test_what_is_production(name, expected):
    assert is_production(name) is expected


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"base_url": ""}, "no address"),
        ({"name": "spike"}, "no load profile 'spike'; expected one of smoke"),
        ({"values": {}}, r"holds \{batch_code\}"),
        ({"load": section(0.1, 1)}, "would send nothing"),
        ({"load": {}}, "the target profile has no"),
    ],
)
def test_a_plan_that_cannot_be_made(changes, why):
    with pytest.raises(ConfigurationError, match=why):
        plan(**changes)


def test_placeholders_are_filled_when_the_plan_is_made_and_the_name_stays_a_template():
    first, _, _ = [request for journey in plan().data["journeys"] for request in journey["requests"]]
    assert (first["path"], first["name"]) == ("/trace/B%2F1?depth=2", "GET /trace/{code}")
    assert plan().data["journeys"][1]["requests"][0]["body"] == {"by": "0123456789ab"}


def test_the_digest_tells_what_two_runs_must_share():
    same = plan(run_id="another", base_url="http://y", user_agent="z")
    assert same.sha256 == plan().sha256
    assert {plan(workers=2).sha256, plan(section(5, 60)).sha256, plan(values={"batch_code": "C"}).sha256}.isdisjoint({same.sha256})
