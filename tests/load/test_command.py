"""`gate load` as a user calls it: what it prints, its exit status, its files."""

import json
from xml.etree import ElementTree as ET

import pytest

from gate.cli.load import render
from gate.load import fact_of, judged
from gate.load.collect import collect
from tests.load.conftest import section
from tests.load.servers import closed_port, service
from tests.load.support import CANARIES, profile, results, run
from tests.load.test_collect import PLAN, raw


def cases(folder):
    """The testcases of junit.xml, and how each is marked."""
    root = ET.parse(folder / "junit.xml").getroot()  # noqa: S314 - written by the code under test
    counted = {"tests": "testcase", "failures": "failure", "errors": "error"}
    assert {name: root.get(name) for name in counted} == {name: str(len(list(root.iter(tag)))) for name, tag in counted.items()}
    return [(case.get("name"), "".join(mark.tag for mark in case)) for case in root.iter("testcase")]


def test_a_run_that_passes(tmp_path):
    profile(tmp_path, 40, 1.5)
    with service() as server:
        ended = run(tmp_path, server)
    assert ended.status == 0, ended.out + ended.err
    lines = ended.out.splitlines()
    assert lines[0] == "Load smoke: PASSED"
    assert max(map(len, lines)) <= 80
    title = ["Latency", "in", "ms,", "from", "when", "due", "count", "errors", "p50", "p95", "p99", "max"]
    rows = [line.split() for line in lines]
    names, checks = rows[rows.index(title) + 1 :][:3], rows[rows.index(["Limits", "observed", "limit", "outcome"]) + 1 :]
    assert [row[:-6] + row[-5:-4] for row in names] == [
        ["GET", "/trace/{batch_code}", "0"],
        ["POST", "/run", "0"],
        ["all", "requests", "0"],
    ]
    assert sum(int(row[-6]) for row in names[:2]) == int(names[2][-6]) == 60
    assert checks[0] == ["all", "requests", "errors", "0", "%", "<", "1", "%", "passed"]
    assert (checks[1][:3], checks[1][4:]) == (["all", "requests", "p50"], ["ms", "<", "400", "ms", "passed"])
    assert ended.folder is not None
    assert f"Files: {ended.folder}/" in ended.err
    assert cases(ended.folder) == [("load smoke", ""), ("all requests errors", ""), ("all requests p50", "")]
    whole = ended.out + ended.err + "".join(path.read_text(errors="replace") for path in ended.folder.iterdir())
    assert not any(token in whole for token in CANARIES.values())


def test_a_name_too_long_for_its_column_goes_on_in_the_next_line():
    name = "GET /api/v1/compliance/batch/{batch_code}/comparison"
    data = raw(**{name: [1.0] * 250})
    result = collect(PLAN, data, 0)
    shown = render(fact_of(result, judged(result, section())[0], None)).splitlines()
    assert max(map(len, shown)) <= 80
    place = next(number for number, text in enumerate(shown) if text.startswith("  GET /api/v1/comp"))
    assert shown[place].strip() == "GET /api/v1/compliance/batch/"  # behind a slash, not behind its method
    assert shown[place].strip() + shown[place + 1].split()[0] == name


def test_a_run_that_fails_says_why(tmp_path):
    profile(tmp_path, 40, 1)
    ended = run(tmp_path, f"http://127.0.0.1:{closed_port()}")
    assert ended.status == 10
    assert ended.out.startswith("Load smoke: FAILED\n")
    assert "Why             - sending was stopped early: 5 answers in a row" in ended.out
    whole, *limits = cases(ended.folder)
    assert whole == ("load smoke", "failure")
    assert limits == [("all requests errors", "error"), ("all requests p50", "error")]  # five samples prove neither
    assert max(map(len, ended.out.splitlines())) <= 80


def test_too_few_samples_are_inconclusive_and_as_json_it_is_the_result(tmp_path):
    profile(tmp_path, 10, 1)
    with service() as server:
        ended = run(tmp_path, server, "--json")
    assert ended.status == 11
    found = json.loads(ended.out)
    assert (found["judgement"]["outcome"], found["sent"]) == ("inconclusive", 10)
    assert ended.folder is not None
    assert found == json.loads((ended.folder / "result.json").read_text())


REFUSED = [
    (["--environment", "production"], {}, "--allow-production-load"),
    (["--environment", "production", "--allow-production-load", "--beyond-limit"], {}, "--beyond-limit was given for production"),
    (["--profile", "nosuch"], {}, "there is no load profile 'nosuch'; expected one of smoke"),
    (["--rate-limit", "3/60"], {}, "would get"),
    (["--rate-limit", "often"], {}, "REQUESTS/SECONDS"),
    (["--rate-limit", "3/60"], {"RATE_LIMIT_ENABLED": "true"}, "the target profile declares one"),
    ([], {"BASE_URL": ""}, "BASE_URL is not set"),
    ([], {"BASE_URL": "https://gate.invalid"}, "no rate limit is declared"),
    ([], {"GATE_PROXY": "http://127.0.0.1:1"}, "measures the proxy"),
    (["--bind", "127.0.0.1:1"], {}, "without --expect-workers"),
    (["--expect-workers", "2", "--processes", "2"], {}, "one of them"),
    (["--expect-workers", "2", "--bind", "here"], {}, "HOST:PORT"),
    (["--against", "nowhere"], {}, "holds no result of a load run"),
]


@pytest.mark.parametrize(("options", "variables", "why"), REFUSED)
def test_what_is_refused_costs_no_byte_and_leaves_no_folder(tmp_path, options, variables, why):
    profile(tmp_path)
    with service() as server:
        ended = run(tmp_path, server, *options, **variables)
    assert (ended.status, ended.out) == (2, "")
    assert why in ended.err
    assert (server.requests, results(tmp_path)) == ([], set())


def test_a_refusal_as_json(tmp_path):
    profile(tmp_path)
    ended = run(tmp_path, "http://127.0.0.1:9", "--json", "--environment", "production")
    assert ended.status == 2
    assert json.loads(ended.out)["outcome"] == "refused"


def test_on_production_only_reads_are_sent(tmp_path):
    profile(tmp_path, 40, 1)
    with service() as server:
        ended = run(tmp_path, server, "--environment", "production", "--allow-production-load", "--out-dir", "reports/staging")
    assert ended.status == 0, ended.out + ended.err
    assert "Left out, because they write: ops" in ended.err
    assert {head.split()[0] for head in server.requests} == {"GET"}


@pytest.mark.slow
def test_a_service_that_is_30_percent_slower_fails_its_comparison_and_one_that_is_1_percent_slower_does_not(tmp_path):
    profile(tmp_path, 40, 1.5)
    with service(lambda _: 0.050) as server:
        earlier = run(tmp_path, server)
    assert earlier.status == 0, earlier.out
    with service(lambda _: 0.0505) as server:
        same = run(tmp_path, server, "--against", str(earlier.folder))
    with service(lambda _: 0.065) as server:
        slower = run(tmp_path, server, "--against", str(earlier.folder))
    assert (same.status, slower.status) == (0, 10), same.out + slower.out
    assert "Against an earlier run" in slower.out
    assert cases(slower.folder)[-1] == ("all requests p50", "failure")
