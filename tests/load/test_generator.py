"""The parts of the load generator that need no Locust: who sends what and when, what is kept of it, when to stop."""

from __future__ import annotations

import errno
import importlib
import pickle
import random
import socket
import ssl
import subprocess
import sys

import pytest

from gate.paths import data_root

RULES = {"in_a_row": 3, "ratio": 0.5, "window": 10}


@pytest.fixture
def module(monkeypatch):
    """Import a module of perf/, which is no package."""
    monkeypatch.syspath_prepend(data_root() / "perf")
    return importlib.import_module


def told(watchdog, answers):
    """What it says after each of them."""
    return [watchdog.saw(status, failure) for status, failure in answers]


@pytest.mark.parametrize(
    "answer", [(500, "http 500"), (503, ""), (429, "http 429"), (0, "timeout"), (0, "connect"), (200, "closed"), (0, "unreadable")]
)
def test_so_many_bad_answers_in_a_row_stop_it(module, answer):
    said = told(module("watchdog").Watchdog(RULES), [(200, ""), answer, answer, (200, ""), answer, answer, answer])
    assert said[:-1] == [None] * 6
    assert said[-1] == "3 answers in a row were 5xx, 429 or none at all"


def test_answers_that_are_only_wrong_do_not_stop_it_in_a_row(module):
    assert told(module("watchdog").Watchdog(RULES), [(404, "http 404")] * 5) == [None] * 5


def test_more_than_the_ratio_of_a_full_window_stops_it(module):
    good, wrong = (200, ""), (404, "http 404")
    half = [wrong] * 5 + [good] * 5
    assert told(module("watchdog").Watchdog(RULES), half) == [None] * 10
    assert told(module("watchdog").Watchdog(RULES), [wrong] * 6 + [good] * 4)[-1] == "6 of the last 10 requests failed"
    assert told(module("watchdog").Watchdog(RULES), [wrong] * 9) == [None] * 9  # not yet a whole window


def test_the_window_forgets(module):
    """Against a count over the list of what came, for long random sequences."""
    rng = random.Random(20261128)  # noqa: S311 - the same every time
    watchdog, came = module("watchdog").Watchdog(RULES | {"in_a_row": 10**6}), []
    stopped = 0
    for _ in range(3000):
        came.append(rng.random() < 0.45)
        said = watchdog.saw(404 if came[-1] else 200, "http 404" if came[-1] else "")
        failed = sum(came[-10:])
        assert said == (f"{failed} of the last 10 requests failed" if len(came) >= 10 and failed > 5 else None)
        stopped += said is not None
    assert 100 < stopped < 2900  # it was put to the test both ways


def test_workers_share_the_schedule_without_a_gap(module):
    """However many there are, together they send what one would, each once; and journeys come by their weights."""
    arrivals = module("schedule").arrivals
    journeys = [
        {"weight": weight, "identity": name, "requests": [{"name": f"{name} {turn}"} for turn in range(3)]}
        for name, weight in (("rare", 1), ("often", 3))
    ]
    plan = {"steps": [{"rate": 100, "seconds": 8}, {"rate": 7, "seconds": 3}], "seed": 7, "journeys": journeys}
    whole = list(arrivals(plan))
    assert [item.index for item in whole] == list(range(821))
    assert [item.due for item in whole] == pytest.approx([n / 100 for n in range(800)] + [8 + n / 7 for n in range(21)])
    for workers in (2, 3, 7):
        shares = [list(arrivals(plan, worker, workers)) for worker in range(workers)]
        assert sorted((item for share in shares for item in share), key=lambda item: item.index) == whole
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    often = [item for item in whole if item.identity == "often"]
    assert len(often) / len(whole) == pytest.approx(0.75, abs=0.05)
    assert [item.request["name"] for item in often[:4]] == ["often 0", "often 1", "often 2", "often 0"]
    assert list(arrivals(plan | {"seed": 8})) != whole


def test_what_workers_report_adds_up_to_what_one_would_have_kept(module):
    """Percentiles within the histogram's three digits of the sorted truth, however often each worker reported."""
    recorder = module("recorder")
    rng = random.Random(5)  # noqa: S311 - the same every time
    merged, workers, truth = recorder.Recorder(), [recorder.Recorder() for _ in range(3)], []
    for number in range(6000):
        seconds = rng.lognormvariate(-3, 1)
        truth.append(seconds)
        worker = workers[number % 3]
        worker.due(number / 100, 0.001)
        worker.done("GET /x", number / 100, seconds, seconds / 2, 200, "" if number % 10 else "http 500")
        if rng.random() < 0.01:
            merged.add(worker.take())
    for worker in workers:
        merged.add(worker.take())
    kept, truth = merged.names["GET /x"], sorted(truth)
    assert (merged.counts["sent"], merged.counts["completed"], kept.errors) == (6000, 6000, 600)
    assert (kept.statuses, kept.failures) == ({"200": 6000}, {"http 500": 600})
    for percent in (1, 50, 90, 95, 99, 99.9):
        expected = truth[round(percent * len(truth) / 100) - 1]
        assert kept.due.get_value_at_percentile(percent) / 1e6 == pytest.approx(expected, rel=0.001)
        assert kept.sent.get_value_at_percentile(percent) / 1e6 == pytest.approx(expected / 2, rel=0.001)
    assert [row["sent"] for row in merged.series()] == [100] * 60
    assert sum(row["errors"] for row in merged.series()) == 600
    assert merged.late.get_value_at_percentile(99) == pytest.approx(1000, rel=0.001)
    assert workers[0].take()["counts"] == {}


@pytest.mark.parametrize(("seconds", "kept"), [(-1.0, 1), (0.0, 1), (0.0000014, 1), (0.0000016, 2), (0.75, 750_000), (500.0, 120_000_000)])
def test_what_is_out_of_range_is_kept_at_its_edge(module, seconds, kept):
    """A histogram passes over what it cannot hold, and what is passed over is not counted."""
    recorder = module("recorder").Recorder()
    recorder.done("x", 0.0, seconds, seconds, 200, "")
    found = recorder.names["x"].due
    assert found.get_total_count() == 1
    assert found.get_max_value() == pytest.approx(kept, rel=0.001)


def test_an_unsent_request_is_dropped(module):
    recorder = module("recorder").Recorder()
    recorder.dropped()
    assert recorder.take()["counts"] == {"dropped": 1}


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (TimeoutError(), "timeout"),
        (ssl.SSLError(), "tls"),
        (ConnectionRefusedError(), "connect"),
        (socket.gaierror(), "connect"),
        (OSError(errno.EHOSTUNREACH, ""), "connect"),
        (ConnectionResetError(), "closed"),
        (BrokenPipeError(), "closed"),
        (ValueError(), "unreadable"),
    ],
)
def test_one_word_for_what_was_wrong(error, word):
    """In a process of its own: Locust, once it is there, patches sockets, threads and clocks of this one."""
    code = "import errno, pickle, sys; from session import word; print(word(pickle.load(sys.stdin.buffer)))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(error), cwd=data_root() / "perf", capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == word
