"""The `[load]` section: the shipped one keeps to the declared limit and sends enough to be judged, and every mistake in one is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gate.decide.load import judge
from gate.decide.load_compare import compare
from gate.decide.load_thresholds import for_profile, needed, parse
from gate.errors import ConfigurationError
from gate.model import EVERY, LATENCIES, LoadCheck, LoadJudgement, LoadName, LoadOutcome, LoadResult
from gate.target.profile import LOAD_PLACEHOLDERS, PLACEHOLDERS, load_profile
from tests.decide.load_support import result
from tests.target.support import ROOT, SHIPPED, changed

LOAD: dict[str, Any] = load_profile("supply_intel").data["load"]
LIMIT: dict[str, Any] = load_profile("supply_intel").data["rate_limit"]
PROFILES = ("smoke", "steady", "step", "spike", "soak", "recall-under-load")
SAFE = 0.8  # of the declared limit
CHANCE = 1.15  # journeys take turns by chance: this much is left for it


def seconds(name: str) -> float:
    return float(sum(step["seconds"] for step in LOAD["profiles"][name]["steps"]))


def count(name: str) -> float:
    return float(sum(step["seconds"] * step["rate"] for step in LOAD["profiles"][name]["steps"]))


def journeys(name: str) -> list[dict[str, Any]]:
    chosen = LOAD["profiles"][name].get("journeys")
    return [item for item in LOAD["journeys"] if chosen is None or item["name"] in chosen]


def shares(name: str, key: str) -> dict[str, float]:
    """The part of the requests that has each path or name."""
    whole = sum(item["weight"] for item in journeys(name))
    found: dict[str, float] = {}
    for journey in journeys(name):
        for request in journey["requests"]:
            of = request[key].partition("?")[0]
            found[of] = found.get(of, 0.0) + journey["weight"] / whole / len(journey["requests"])
    return found


def busiest(name: str, window: float) -> float:
    """The most arrivals that any window of so many seconds holds: one that begins or ends with a step."""
    edges: list[tuple[float, float, float]] = []
    at = 0.0
    for step in LOAD["profiles"][name]["steps"]:
        edges.append((at, at + step["seconds"], step["rate"]))
        at += step["seconds"]
    starts = {begin for edge in edges for begin in (edge[0], edge[1], edge[0] - window, edge[1] - window)}
    return max(sum(float(rate) * max(0.0, min(end, start + window) - max(begin, start)) for begin, end, rate in edges) for start in starts)


def test_the_six_profiles_are_there() -> None:
    assert tuple(LOAD["profiles"]) == PROFILES


def test_smoke_is_short_reads_only_and_gives_a_p95() -> None:
    """It is the only one that production may permit."""
    assert seconds("smoke") < 30
    assert count("smoke") >= 200
    assert not any(item["writes"] for item in journeys("smoke"))


@pytest.mark.parametrize("name", PROFILES)
def test_no_path_comes_near_the_declared_limit(name: str) -> None:
    most = busiest(name, LIMIT["window_seconds"]) * max(shares(name, "path").values())
    assert most * CHANCE <= SAFE * LIMIT["requests"]


@pytest.mark.parametrize("name", PROFILES)
def test_every_threshold_gets_its_samples(name: str) -> None:
    for text in for_profile(LOAD, name):
        (threshold,) = parse(text)
        expected = count(name) * (1.0 if threshold.name == EVERY else shares(name, "name")[threshold.name])
        assert expected >= needed(threshold.metric) * (1.0 if threshold.name == EVERY else CHANCE), text


@pytest.mark.parametrize("name", PROFILES)
def test_every_comparison_gets_its_samples(name: str) -> None:
    for metric in LOAD["compare"]["each"]:
        assert count(name) * min(shares(name, "name").values()) >= needed(metric) * CHANCE


@pytest.mark.parametrize("name", PROFILES)
def test_the_hard_caps_hold(name: str) -> None:
    assert count(name) <= LOAD["limits"]["requests"]
    assert seconds(name) <= LOAD["limits"]["seconds"]


def test_recall_under_load_leaves_the_drill_to_the_gate() -> None:
    assert not any(request["path"] == "/api/v1/recall/simulate" for item in journeys("recall-under-load") for request in item["requests"])
    assert not any(item["writes"] for item in journeys("recall-under-load"))


def test_each_role_has_its_journey() -> None:
    assert [(item["identity"], item["writes"]) for item in LOAD["journeys"]] == [
        ("viewer", False),
        ("ops", False),
        ("qa", True),
        ("admin", True),
    ]
    written = {request["path"] for item in LOAD["journeys"] if item["writes"] for request in item["requests"]}
    assert written == {"/api/v1/ccp/logs", "/api/v1/recall/simulate"}


def test_every_identity_may_call_what_its_journey_calls() -> None:
    profile = load_profile("supply_intel")
    by_call = {(item.method, item.path.partition("?")[0]): item for item in profile.endpoints}
    for journey in LOAD["journeys"]:
        for request in journey["requests"]:
            assert by_call[request["method"], request["path"].partition("?")[0]].admits(profile.identities[journey["identity"]]), request


def test_no_name_of_a_request_holds_an_id() -> None:
    """A name goes into statistics, pages and file names: it is the template, without its query."""
    for journey in LOAD["journeys"]:
        for request in journey["requests"]:
            assert request["name"] == f"{request['method']} {request['path'].partition('?')[0]}"


def test_a_profile_without_the_section_stays_valid(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    begin, end = text.index("# ---- load -"), text.index("# ---- shapes of answers -")
    path = tmp_path / "mine.toml"
    path.write_text(text[:begin] + text[end:], encoding="utf-8")
    profile = load_profile(str(path))
    assert not profile.has("load")
    assert load_profile("supply_intel").has("load")


def test_what_paths_and_bodies_may_hold() -> None:
    """Nothing that is another on every run: two runs must have the same plan to be compared."""
    assert LOAD_PLACEHOLDERS < PLACEHOLDERS
    assert not {"now", "soon", "year_start"} & LOAD_PLACEHOLDERS


READER = 'name = "reader"\nidentity = "viewer"'
SMOKE = 'journeys = ["reader", "operations"]\nsteps = [{ rate = 10, seconds = 25 }]'
GENERAL = '"errors<0.1%", "p95<800ms", "max<10s"'
FIRST = 'path = "/api/v1/trace/batch/{batch_code}/full", name = "GET /api/v1/trace/batch/{batch_code}/full", expect = [200]'
STATUS = '{ method = "GET", path = "/api/v1/automation/status", name = "GET /api/v1/automation/status", expect = [200] }'
COMPARE = 'compare = { relative = 0.10, absolute_ms = 5.0, metrics = ["p50", "p95"], each = ["p50"] }'
STEP = "rate = 10, seconds = 25"
MISTAKES = {
    "a threshold that is none": (GENERAL, '"p95<800"', "load.*p95 needs ms or s"),
    "NaN in a threshold": (GENERAL, '"p95<nan"', "is no threshold"),
    "an unknown metric": (GENERAL, '"p98<800ms"', "'p98' is no metric"),
    "two limits of a metric": (GENERAL, '"p95<800ms", "p95<900ms"', "limited twice"),
    "no threshold": (f"[{GENERAL}, ", '[] # "', r"key 'load\.thresholds' is \[\]"),
    "a threshold of a name that is none": ("POST /api/v1/recall/simulate: p95<2s", "POST /recall/simulate: p95<2s", "request's name"),
    "a threshold of a name that the profile lacks": (SMOKE, f'{SMOKE}\nthresholds = ["POST /x: p95<1s"]', "load.profiles.smoke"),
    "a journey that is none": (SMOKE, SMOKE.replace('"operations"', '"operator"'), r"'operator' is no journey.*reader, operations"),
    "a journey without a name": (READER, 'identity = "viewer"', r"key 'name' is missing in load\.journeys\.0"),
    "a journey's name twice": ('name = "operations"', 'name = "reader"', r"load\.journeys\.1 has the name of another"),
    "an identity that is none": (READER, READER.replace("viewer", "guest"), r"load\.journeys\.0\.identity names no identity \('guest'\)"),
    "a weight of nothing": ("weight = 6", "weight = 0", r"key 'load\.journeys\.0\.weight' is 0"),
    "a journey that does not say whether it writes": ("weight = 2\nwrites = false", "weight = 2", r"key 'writes' is missing"),
    "a write that is called a read": (STATUS, STATUS.replace("GET", "POST"), r"journeys\.1\.requests\.0 is a POST in a journey of reads"),
    "a request's name with another method": (FIRST, FIRST.replace("GET", "POST"), r"load\.journeys\.0\.requests\.0 .*'POST /api"),
    "a request's name without a method": (FIRST, FIRST.replace('"GET ', '"'), r"key 'load\.journeys\.0\.requests\.0\.name' is"),
    "an unknown placeholder": (FIRST, FIRST.replace("{batch_code}", "{batch}", 1), r"requests\.0\.path holds \{batch\}.*batch_code"),
    "a placeholder that changes": (FIRST, FIRST.replace("{batch_code}", "{now}", 1), r"requests\.0\.path holds \{now\}"),
    "an unknown placeholder in a body": ("release gate load {run_id}", "release gate load {id}", r"body\.reason holds \{id\}"),
    "a path on another host": (FIRST, FIRST.replace('"/api', '"//evil/api', 1), r"path' is .*a path that starts with one /"),
    "a full address": (FIRST, FIRST.replace('"/api', '"http://evil/api', 1), r"path' is .*a path that starts with one /"),
    "a 429 that is expected": (FIRST, FIRST.replace("[200]", "[200, 429]"), "429 never is"),
    "nothing that is expected": (FIRST, FIRST.replace("[200]", "[]"), r"expect' is \[\]"),
    "no rate": (STEP, "rate = 0, seconds = 25", r"rate' is 0; expected more than 0"),
    "a rate that is no number": (STEP, "rate = nan, seconds = 25", r"rate' is nan"),
    "an endless step": (STEP, "rate = 10, seconds = inf", r"seconds' is Infinity"),
    "no step": (f"[{{ {STEP} }}]", "[]", r"steps' is \[\]"),
    "more requests than the cap": ("requests = 20000", "requests = 3899", r"load\.profiles\.step has 3900 requests; expected at most 3899"),
    "more seconds than the cap": ("seconds = 3600", "seconds = 1799", r"load\.profiles\.soak has 1800 seconds; expected at most 1799"),
    "nothing that is sent": (STEP, "rate = 0.01, seconds = 25", r"load\.profiles\.smoke sends nothing"),
    "no abort": ("abort = {", "abrot = {", "unknown key 'abrot'.*Did you mean 'abort'"),
    "an abort that never comes": ("ratio = 0.2", "ratio = 1", r"key 'load\.abort\.ratio' is 1"),
    "a comparison of the longest": (COMPARE, COMPARE.replace('"p95"', '"max"'), r"key 'load\.compare\.metrics\.1' is \"max\""),
    "a comparison with no number": (COMPARE, COMPARE.replace("0.10", "nan"), r"key 'load\.compare\.relative' is nan"),
    "a comparison below zero": (COMPARE, COMPARE.replace("5.0", "-5.0"), r"key 'load\.compare\.absolute_ms' is -5"),
    "an unknown key": ("max_in_flight", "max_inflight", r"unknown key 'max_inflight' in load"),
    "no timeout": ("timeout_seconds = 10          # a request", "# a request", r"key 'timeout_seconds' is missing in load"),
    "a profile's name with a space": ("[load.profiles.smoke]", '[load.profiles."smoke it"]', "smoke it"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_refused(case: str, tmp_path: Path) -> None:
    old, new, told = MISTAKES[case]
    path = changed(tmp_path, old, new)
    with pytest.raises(ConfigurationError, match=told) as error:
        load_profile(path)
    assert error.value.sentence.startswith(path)
    assert error.value.exit_status == 2


def schema(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / "fixtures" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["load_plan", "load_result", "profile"])
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))


def test_the_result_s_schema_knows_every_field_of_the_types() -> None:
    found = schema("load_result")
    assert set(found["properties"]) == {item.name for item in fields(LoadResult)} | {"judgement", "comparison", "recall"}
    assert set(found["required"]) == set(found["properties"]) - {"comparison", "recall"}
    for name, of in {"name": LoadName, "check": LoadCheck}.items():
        assert set(found["$defs"][name]["required"]) == set(found["$defs"][name]["properties"]) == {item.name for item in fields(of)}
    assert set(found["properties"]["judgement"]["required"]) == {item.name for item in fields(LoadJudgement)}
    assert tuple(found["$defs"]["latencies"]["properties"]) == LATENCIES
    assert found["$defs"]["outcome"]["enum"] == list(LoadOutcome)


def written(**more: Any) -> Any:
    """A judged and compared result as it is written."""
    new, old = result(run_id="run-2"), result()
    judged = {"judgement": asdict(judge(new, new.thresholds)), "comparison": [asdict(item) for item in compare(new, old, LOAD["compare"])]}
    return json.loads(json.dumps(asdict(new) | judged | more))


BROKEN: dict[str, dict[str, Any]] = {
    "no outcome": {"judgement": {}},
    "an unknown outcome": {"judgement": {"outcome": "ok", "reasons": [], "checks": []}},
    "a count below zero": {"sent": -1},
    "part of a request": {"sent": 1.5},
    "no merge": {"names": {}},
    "another version": {"schema_version": 2},
    "an unknown key": {"verdict": "GO"},
    "no digest": {"plan_sha256": "abc"},
}


def test_a_result_is_what_its_schema_says() -> None:
    Draft202012Validator(schema("load_result")).validate(written())


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_result(case: str) -> None:
    assert not Draft202012Validator(schema("load_result")).is_valid(written(**BROKEN[case]))


PLAN: dict[str, Any] = {
    "run_id": "run-1",
    "base_url": "http://127.0.0.1:9",
    "user_agent": "gate",
    "ca_bundle": None,
    "steps": [{"rate": 8.0, "seconds": 25.0}],
    "journeys": [
        {
            "identity": "viewer",
            "weight": 1,
            "requests": [{"method": "GET", "path": "/x", "name": "GET /x", "body": None, "expect": [200]}],
        }
    ],
    "abort": {"in_a_row": 5, "ratio": 0.2, "window": 50},
    "limits": {"requests": 200, "seconds": 60},
    "timeout_seconds": 10,
    "max_in_flight": 100,
    "workers": 1,
    "seed": 1,
}


def test_a_plan_is_what_its_schema_says() -> None:
    assert Draft202012Validator(schema("load_plan")).is_valid(PLAN)


@pytest.mark.parametrize("key", PLAN)
def test_a_plan_lacks_nothing(key: str) -> None:
    assert not Draft202012Validator(schema("load_plan")).is_valid({name: value for name, value in PLAN.items() if name != key})


def test_a_plan_holds_no_token() -> None:
    assert not Draft202012Validator(schema("load_plan")).is_valid(PLAN | {"tokens": {"viewer": "secret"}})
