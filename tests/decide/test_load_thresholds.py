"""The text of thresholds: what it says, and every text that could say something else than its author meant."""

from __future__ import annotations

from typing import Any

import pytest

from gate.decide.load_thresholds import METRICS, Threshold, for_profile, names_of, needed, parse, parse_all
from gate.errors import ConfigurationError
from gate.model import EVERY

READ = "GET /trace/{code}"
DRILL = "POST /recall/simulate"

GOOD: dict[str, tuple[str, list[Threshold]]] = {
    "milliseconds": ("p95<800ms", [Threshold(EVERY, "p95", "<", 800.0, "ms")]),
    "seconds": ("max<10s", [Threshold(EVERY, "max", "<", 10_000.0, "ms")]),
    "a part of a second": ("p99.9<=0.5s", [Threshold(EVERY, "p99.9", "<=", 500.0, "ms")]),
    "percent": ("errors<0.1%", [Threshold(EVERY, "errors", "<", 0.001, "ratio")]),
    "no error at all": ("errors<=0%", [Threshold(EVERY, "errors", "<=", 0.0, "ratio")]),
    "a ratio": ("errors<0.001", [Threshold(EVERY, "errors", "<", 0.001, "ratio")]),
    "a rate": ("rate>=4.5/s", [Threshold(EVERY, "rate", ">=", 4.5, "per second")]),
    "of one name": (f"{DRILL}: p95<800ms", [Threshold(DRILL, "p95", "<", 800.0, "ms")]),
    "several of one name": (
        f"{DRILL}: p95<2s, max<10s, errors<0.1%",
        [
            Threshold(DRILL, "p95", "<", 2000.0, "ms"),
            Threshold(DRILL, "max", "<", 10_000.0, "ms"),
            Threshold(DRILL, "errors", "<", 0.001, "ratio"),
        ],
    ),
    "several of all": ("p50<1s,mean<1s", [Threshold(EVERY, "p50", "<", 1000.0, "ms"), Threshold(EVERY, "mean", "<", 1000.0, "ms")]),
    "a colon in a name": ("POST /x:verify: p95<1s", [Threshold("POST /x:verify", "p95", "<", 1000.0, "ms")]),
    "spaces": (f"  {READ} :  p95  <  2 s ", [Threshold(READ, "p95", "<", 2000.0, "ms")]),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_a_text_says(case: str) -> None:
    text, meant = GOOD[case]
    assert list(parse(text)) == meant


@pytest.mark.parametrize("case", GOOD)
def test_a_threshold_written_again_says_the_same(case: str) -> None:
    for threshold in parse(GOOD[case][0]):
        assert parse(threshold.text) == (threshold,)


BAD = {
    "nothing": ("", "is no threshold"),
    "a name alone": (f"{DRILL}:", "is no threshold"),
    "nothing between commas": ("p95<1s,,max<2s", "is no threshold"),
    "a comma at the end": ("p95<1s,", "is no threshold"),
    "a metric alone": ("p95", "is no threshold"),
    "no metric": ("<800ms", "is no threshold"),
    "an unknown metric": ("p98<800ms", "'p98' is no metric.*p99"),
    "a metric in capitals": ("P95<800ms", "'P95' is no metric"),
    "an unknown metric of a name": (f"{DRILL}: p95<1s, average<1s", "'average' is no metric"),
    "an equals sign": ("p95=800ms", "is no threshold"),
    "two equals signs": ("p95==800ms", "is no threshold"),
    "a lower bound of latency": ("p95>800ms", "p95 needs < or <="),
    "a lower bound of errors": ("errors>1%", "errors needs < or <="),
    "an upper bound of the rate": ("rate<5/s", "rate needs > or >="),
    "no unit": ("p95<800", "p95 needs ms or s"),
    "percent of a latency": ("p95<80%", "p95 needs ms or s"),
    "milliseconds of errors": ("errors<1ms", "errors needs %"),
    "minutes": ("p95<1m", "is no threshold"),
    "no number": ("p95<ms", "is no threshold"),
    "NaN": ("p95<nan", "is no threshold"),
    "NaN with a unit": ("p95<nanms", "is no threshold"),
    "infinity": ("p95<inf", "is no threshold"),
    "infinity with a unit": ("p95<infs", "is no threshold"),
    "a number too large for a number": (f"p95<{'9' * 400}ms", "can never be broken"),
    "an exponent": ("p95<1e9ms", "is no threshold"),
    "below zero": ("p95<-1ms", "is no threshold"),
    "digits of another script": ("p95<\uff18\uff10\uff10ms", "is no threshold"),
    "a limit that nothing can keep": ("p95<0ms", "can never be kept"),
    "errors that nothing can keep": ("errors<0%", "can never be kept"),
    "errors that nothing can break": ("errors<=100%", "can never be broken"),
    "errors over all requests": ("errors<120%", "can never be broken"),
    "a rate that nothing can break": ("rate>=0/s", "can never be broken"),
    "a name without a method": ("/recall/simulate: p95<1s", "'/recall/simulate' is no name"),
    "a name without a path": ("POST: p95<1s", "'POST' is no name"),
    "a method that is none": ("FETCH /x: p95<1s", "'FETCH /x' is no name"),
    "the name of the merge": ("*: p95<1s", r"'\*' is no name"),
    "two lines": ("p95<1s\nmax<2s", "is no threshold"),
    "a line's end": ("p95<1s\n", "is no threshold"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_text_that_is_refused(case: str) -> None:
    text, told = BAD[case]
    with pytest.raises(ConfigurationError, match=told) as error:
        parse(text)
    assert error.value.exit_status == 2
    assert len(error.value.sentence) < 400


def test_the_same_metric_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="p95 of all requests is limited twice"):
        parse_all(["p95<1s", "max<2s, p95<2s"])
    with pytest.raises(ConfigurationError, match=f"p95 of {DRILL} is limited twice"):
        parse_all([f"{DRILL}: p95<1s", f"{DRILL}: p95<=1s"])
    assert len(parse_all(["p95<1s", f"{DRILL}: p95<1s"])) == 2


SAMPLES = {
    "p50": 20,
    "p75": 40,
    "p90": 100,
    "p95": 200,
    "p99": 1000,
    "p99.9": 10_000,
    "min": 20,
    "mean": 20,
    "max": 20,
    "errors": 20,
    "rate": 20,
}


def test_how_many_samples_a_metric_needs() -> None:
    """At least ten lie beyond a percentile."""
    assert {metric: needed(metric) for metric in METRICS} == SAMPLES


def section(**profiles: Any) -> dict[str, Any]:
    return {
        "thresholds": ["errors<0.1%", "p95<800ms", f"{DRILL}: p95<2s, max<10s"],
        "journeys": [
            {"name": "reader", "requests": [{"name": READ}, {"name": "GET /audit"}]},
            {"name": "recall", "requests": [{"name": DRILL}]},
        ],
        "profiles": {"smoke": {}, **profiles},
    }


OWN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "none of its own": ({}, ["errors<0.1%", "p95<800ms", f"{DRILL}: p95<2s", f"{DRILL}: max<10s"]),
    "one more": ({"thresholds": ["p99<2s"]}, ["errors<0.1%", "p95<800ms", f"{DRILL}: p95<2s", f"{DRILL}: max<10s", "p99<2s"]),
    "another limit": ({"thresholds": ["p95<1s"]}, ["errors<0.1%", "p95<1s", f"{DRILL}: p95<2s", f"{DRILL}: max<10s"]),
    "another limit of a name": (
        {"thresholds": [f"{DRILL}: p95<=3s"]},
        ["errors<0.1%", "p95<800ms", f"{DRILL}: p95<=3s", f"{DRILL}: max<10s"],
    ),
    "one for a name": (
        {"thresholds": [f"{READ}: p95<3s"]},
        ["errors<0.1%", "p95<800ms", f"{DRILL}: p95<2s", f"{DRILL}: max<10s", f"{READ}: p95<3s"],
    ),
    "without the journey that a general one is for": ({"journeys": ["reader"]}, ["errors<0.1%", "p95<800ms"]),
    "both journeys by name": (
        {"journeys": ["reader", "recall"]},
        ["errors<0.1%", "p95<800ms", f"{DRILL}: p95<2s", f"{DRILL}: max<10s"],
    ),
}


@pytest.mark.parametrize("case", OWN)
def test_the_thresholds_of_a_profile(case: str) -> None:
    own, meant = OWN[case]
    assert list(for_profile(section(mine=own), "mine")) == meant


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a name that no journey has": ({"thresholds": ["GET /nowhere: p95<1s"]}, "'GET /nowhere'.*one of.*GET /audit"),
    "a name of a journey that is left out": ({"journeys": ["reader"], "thresholds": [f"{DRILL}: p95<1s"]}, f"'{DRILL}'"),
    "a name with another template": ({"thresholds": ["GET /trace/{batch}: p95<1s"]}, r"'GET /trace/\{batch\}'"),
    "a journey that is none": ({"journeys": ["reader", "writer"]}, "'writer'.*reader, recall"),
    "a limit that cannot be read": ({"thresholds": ["p95<1"]}, "p95 needs ms or s"),
    "a metric twice": ({"thresholds": ["p95<1s", "p95<2s"]}, "limited twice"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_in_a_profile(case: str) -> None:
    own, told = WRONG[case]
    with pytest.raises(ConfigurationError, match=told):
        for_profile(section(mine=own), "mine")


def test_a_mistake_in_the_general_thresholds() -> None:
    """Left out of a profile is only what some journey has."""
    general = section() | {"thresholds": ["GET /nowhere: p95<1s"]}
    with pytest.raises(ConfigurationError, match="'GET /nowhere'"):
        for_profile(general, "smoke")


def test_a_profile_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError, match=r"'soak'.*smoke"):
        for_profile(section(), "soak")


def test_the_names_of_journeys() -> None:
    assert names_of(section()) == (READ, "GET /audit", DRILL)
    assert names_of(section(), ["recall"]) == (DRILL,)
    assert names_of(section(), []) == ()
