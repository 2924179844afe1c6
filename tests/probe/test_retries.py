"""What is sent again, how often, and that it stays visible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import pytest

from gate.model import FailureKind, Probe, Response, Safety
from gate.probe.client import BudgetSettings
from gate.probe.retry import retry_after
from tests.probe.servers import OK, always, answer, in_turn

READ = Probe("GET", "/")


def statuses(seen):
    return [each.response.status if each.response else each.failure.kind for each in (*seen.attempts, seen)]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateways_error_is_repeated_once_and_kept(serve, connect, status):
    server = serve(in_turn(answer(b"", f"{status} Bad"), OK))
    ledger = []
    seen = connect(server, ledger.append).send(READ)
    assert statuses(seen) == [status, 200]
    assert [each.number for each in ledger] == [1, 2]
    assert [each.number for each in seen.attempts] == [1]


@pytest.mark.parametrize(
    "probe", [Probe("POST", "/", safety=Safety.DRILL), Probe("GET", "/", safety=Safety.BURST), Probe("GET", "/", provokes=True)]
)
def test_drills_bursts_and_provocations_are_not_repeated(serve, connect, probe):
    server = serve(always(answer(b"", "503 No")))
    assert statuses(connect(server).send(probe)) == [503]
    assert len(server.requests) == 1


@pytest.mark.parametrize("safety", [Safety.READ, Safety.DENIED])
def test_it_is_repeated_once_only(serve, connect, safety):
    server = serve(always(answer(b"", "502 Bad")))
    assert statuses(connect(server).send(Probe("GET", "/", safety=safety))) == [502, 502]
    assert len(server.requests) == 2


def test_a_500_is_not_repeated(serve, connect):
    assert statuses(connect(serve(always(answer(b"", "500 Oops")))).send(READ)) == [500]


def test_a_broken_connection_is_repeated_and_kept(serve, connect):
    def handler(peer):
        peer.request()
        if peer.number == 0:
            peer.reset()
        else:
            peer.send(OK)

    assert statuses(connect(serve(handler)).send(READ)) == [FailureKind.RESET, 200]


def test_a_protocol_failure_is_not_repeated(serve, connect):
    server = serve(always(b"nonsense"))
    assert statuses(connect(server).send(READ)) == [FailureKind.PROTOCOL]


def test_retry_after_on_503_is_honoured_up_to_a_bound(serve, connect):
    server = serve(in_turn(answer(b"", "503 No", "Retry-After: 1"), OK, answer(b"", "503 No", "Retry-After: 60")))
    client = connect(server)
    start = monotonic()
    assert statuses(client.send(READ)) == [503, 200]
    assert monotonic() - start >= 1
    assert statuses(client.send(READ)) == [503]


def test_retry_after_on_502_means_nothing(serve, connect):
    assert statuses(connect(serve(in_turn(answer(b"", "502 Bad", "Retry-After: 600"), OK))).send(READ)) == [502, 200]


@pytest.mark.parametrize("safety", [Safety.READ, Safety.DENIED, Safety.DRILL])
def test_a_short_429_is_waited_for(serve, connect, safety):
    slow = answer(b"", "429 Slow", "Retry-After: 0")
    assert statuses(connect(serve(in_turn(slow, slow, slow, OK))).send(Probe("GET", "/", safety=safety))) == [429, 429, 429, 200]


def test_a_target_that_only_throttles_is_left_alone_after_a_few(serve, connect):
    assert statuses(connect(serve(always(answer(b"", "429 Slow", "Retry-After: 0")))).send(READ)) == [429] * 6


@pytest.mark.parametrize("headers", [("Retry-After: 3600",), (), ("Retry-After: soon",), ("Retry-After: -1",)])
def test_a_long_or_silent_429_is_the_answer(serve, connect, headers):
    assert statuses(connect(serve(always(answer(b"", "429 Slow", *headers)))).send(READ)) == [429]


def test_a_burst_takes_its_429(serve, connect):
    server = serve(always(answer(b"", "429 Slow", "Retry-After: 0")))
    assert statuses(connect(server).send(Probe("GET", "/", safety=Safety.BURST))) == [429]


def test_a_429_holds_back_the_others_of_its_key(serve, connect):
    times = []

    def handler(peer):
        while request := peer.request():
            times.append((request.split()[1], monotonic()))
            peer.send(answer(b"", "429 Slow", "Retry-After: 1") if len(times) == 1 else OK)

    client = connect(serve(handler), budget=BudgetSettings(requests=1000))
    client.send(Probe("GET", "/a", safety=Safety.BURST))
    seen = client.send_all([Probe("GET", "/a"), Probe("GET", "/b")])
    assert [each.status for each in seen] == [200, 200]
    moments = dict(times[1:])
    assert moments[b"/a"] - times[0][1] >= 0.99
    assert moments[b"/b"] < moments[b"/a"]


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "7"}, 7),
        (503, {"retry-after": " 0 "}, 0),
        (200, {"Retry-After": "7"}, None),
        (502, {"Retry-After": "7"}, None),
        (429, {}, None),
        (429, {"Retry-After": "1.5"}, None),
        (429, {"Retry-After": "\xb2"}, None),
        (429, {"Retry-After": "9" * 5000}, 999_999_999),
        (429, {"Retry-After": format_datetime(NOW + timedelta(seconds=9), usegmt=True), "Date": format_datetime(NOW, usegmt=True)}, 9),
        (429, {"Retry-After": format_datetime(NOW - timedelta(seconds=9), usegmt=True), "Date": format_datetime(NOW, usegmt=True)}, 0),
        (429, {"Retry-After": "Thu, 99 Foo 9999 00:00:00 GMT"}, None),
        (429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359", "Date": "Fri, 31 Dec 9999 23:59:59 -2359"}, 0),
    ],
)
def test_retry_after(status, headers, seconds):
    assert retry_after(Response(status, "HTTP/1.1", tuple(headers.items()), b"", b"", "")) == pytest.approx(seconds)
