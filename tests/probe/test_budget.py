"""The gate stays below the target's rate limit by waiting, and no longer than it must."""

from __future__ import annotations

from threading import Thread
from time import monotonic

import pytest

from gate.errors import ConfigurationError
from gate.model import FailureKind, Probe, Safety
from gate.probe.budget import Budget
from gate.probe.client import BudgetSettings
from tests.probe.servers import OK, always


class Clock:
    """Seconds that pass only when told to."""

    now = 1000.0

    def __call__(self):
        return self.now


def budget(**settings):
    clock = Clock()
    return Budget(BudgetSettings(**({"requests": 10, "window_seconds": 60.0} | settings)), clock), clock


def test_a_window_slides():
    ledger, clock = budget()
    for _ in range(8):
        assert ledger.reserve(Probe("GET", "/a?x=1")) == 0
        clock.now += 1
    assert ledger.reserve(Probe("POST", "/a")) == pytest.approx(52)
    clock.now += 52
    assert ledger.reserve(Probe("GET", "/a")) == 0
    assert ledger.reserve(Probe("GET", "/a")) == pytest.approx(1)


@pytest.mark.parametrize(
    ("scope", "shared", "apart"),
    [
        ("client+path", Probe("GET", "/a?y"), Probe("GET", "/b")),
        ("client", Probe("GET", "/b", identity="x"), None),
        ("token", Probe("GET", "/b"), Probe("GET", "/a", identity="x")),
    ],
)
def test_scopes(scope, shared, apart):
    ledger, _ = budget(scope=scope, requests=1)
    assert ledger.reserve(Probe("GET", "/a")) == 0
    assert ledger.reserve(shared) > 0
    assert apart is None or ledger.reserve(apart) == 0


def test_exempt_paths_are_not_counted():
    ledger, _ = budget(exempt=("/health",), requests=1)
    assert {ledger.reserve(Probe("GET", f"/health?{number}")) for number in range(50)} == {0}


def test_a_burst_is_counted_and_never_waits():
    ledger, clock = budget()
    for _ in range(100):
        assert ledger.reserve(Probe("GET", "/a", safety=Safety.BURST)) == 0
        clock.now += 0.1
    assert ledger.reserve(Probe("GET", "/a")) == pytest.approx(59.2)


def test_a_429_blocks_its_key_for_one_window_at_most():
    ledger, clock = budget()
    ledger.throttled(Probe("GET", "/a"), 20)
    ledger.throttled(Probe("GET", "/a"), 5)
    assert ledger.reserve(Probe("GET", "/a")) == pytest.approx(20)
    assert ledger.reserve(Probe("GET", "/b")) == 0
    ledger.throttled(Probe("GET", "/a"), 1e9)
    assert ledger.reserve(Probe("GET", "/a")) == pytest.approx(60)
    assert ledger.reserve(Probe("GET", "/a", safety=Safety.BURST)) == 0
    clock.now += 61
    assert ledger.reserve(Probe("GET", "/a")) == 0


@pytest.mark.parametrize("settings", [{"requests": 0}, {"window_seconds": 0}, {"share": 0}, {"share": 1.1}])
def test_settings_that_make_no_sense(settings):
    with pytest.raises(ConfigurationError, match="budget"):
        BudgetSettings(**settings)


def test_the_server_never_sees_more_than_the_limit(serve, connect):
    arrivals = []

    def handler(peer):
        while peer.request():
            arrivals.append(monotonic())
            peer.send(OK)

    client = connect(serve(handler), budget=BudgetSettings(requests=10, window_seconds=1.0))
    seen = client.send_all([Probe("GET", f"/a?{number}") for number in range(16)])
    assert [each.status for each in seen] == [200] * 16
    arrivals.sort()
    assert all(later - earlier > 0.2 for earlier, later in zip(arrivals, arrivals[10:], strict=False))


def test_a_full_key_does_not_hold_up_the_others(serve, connect):
    ledger = []
    client = connect(serve(always(OK)), ledger.append, budget=BudgetSettings(requests=2, window_seconds=1.0, share=0.5), concurrency=2)
    client.send_all([*(Probe("GET", f"/a?{number}") for number in range(3)), *(Probe("GET", f"/{number}") for number in range(30))])
    targets = [each.probe.target for each in ledger]
    assert set(targets[-2:]) <= {"/a?1", "/a?2"}


def test_waiting_for_the_budget_can_be_interrupted(serve, connect):
    ledger = []
    client = connect(serve(always(OK)), ledger.append, budget=BudgetSettings(requests=1, window_seconds=600.0))
    first = client.send(Probe("GET", "/a?1"))
    later = []
    threads = [
        Thread(target=lambda: later.append(client.send(Probe("GET", "/a?2")))),
        Thread(target=lambda: later.extend(client.send_all([Probe("GET", "/a?3")]))),
    ]
    for thread in threads:
        thread.start()
    client.cancel()
    for thread in threads:
        thread.join(30)
    assert ledger == [first]
    assert [(each.failure.kind, each.number, each.sent) for each in later] == [(FailureKind.INTERRUPTED, 0, b"")] * 2
