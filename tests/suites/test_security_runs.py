"""The controls about origins and the limit, and those about a whole run, can fail, each for its own reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gate.model import Inconclusive, Probe, Safety, Unmet
from tests.suites.small_service import EVENTS, WHOAMI, judge, made_target, observe, suite

GOOD = "https://ops.example.com"
FINE = {"access-control-allow-origin": GOOD, "access-control-allow-credentials": "true", "vary": "Origin"}
ORIGINS: dict[str, tuple[str, dict[str, str]]] = {
    "a surplus verb": ("test_surplus", {"access-control-allow-methods": "GET, DELETE"}),
    "any verb": ("test_surplus", {"access-control-allow-methods": "*"}),
    "any header": ("test_surplus", {"access-control-allow-headers": "authorization, X-Evil-Gate"}),
    "the private network": ("test_private_network", {"access-control-allow-private-network": "true"}),
    "no vary": ("test_vary", {"vary": "Accept"}),
    "no credentials": ("test_credentials", {"access-control-allow-credentials": "false"}),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_origins(case: str) -> None:
    check, wrong = ORIGINS[case]
    judge("test_cors", check, lambda _probe, ask: (ask()[0], {}, FINE))
    with pytest.raises(Unmet):
        judge("test_cors", check, lambda _probe, ask: (ask()[0], {}, FINE | wrong))


def strange_run(reflected: int | None) -> Any:
    t = made_target()
    probe = t.get(WHOAMI, headers=[("Origin", t.strange_origin)])
    allow = {"access-control-allow-origin": t.strange_origin}
    return SimpleNamespace(observations=[observe(probe, (status, {}, allow if status == reflected else {})) for status in (200, 401, 404)])


@pytest.mark.parametrize("status", [200, 401, 404])
def test_a_strange_origin_is_let_in_somewhere(status: int) -> None:
    judge("test_cors", "test_strange_origins_everywhere", run=strange_run(None))
    with pytest.raises(Unmet):
        judge("test_cors", "test_strange_origins_everywhere", run=strange_run(status))


def test_strange_origins_that_met_no_refusal_prove_nothing() -> None:
    run = strange_run(None)
    run.observations = run.observations[:1]
    with pytest.raises(Inconclusive):
        judge("test_cors", "test_strange_origins_everywhere", run=run)


# ---- the limit ------------------------------------------------------------------------------------------------------------------------


def burst(**statuses: int) -> Any:
    """An exhausted limit, and what was asked meanwhile with another status."""
    names = suite("conftest")
    t = made_target()
    asked = {
        "again": t.get("/b", safety=Safety.BURST),
        **names.variations(t, "/b"),
        "elsewhere": t.get(WHOAMI, safety=Safety.BURST),
        "at last": t.get("/b", safety=Safety.BURST),
    }
    usual = {"elsewhere": 200, "exempt": 200}
    body = {"error": {"code": "rate_limit_exceeded", "retry_after_seconds": statuses.pop("told", 5)}}
    seen = {
        name: observe(probe, (statuses.get(name.replace(" ", "_"), usual.get(name, 429)), body, {"retry-after": "5"}))
        for name, probe in asked.items()
    }
    return names.Burst([seen["again"]], seen)


LIMITS = {
    "a claimed address": ("test_claimed_address", {"spoofed": 404}, Inconclusive),
    "no token": ("test_strangers", {"anonymous": 404}, Unmet),
    "an unknown token": ("test_strangers", {"unknown_token": 404}, Unmet),
    "another path": ("test_other_path", {"elsewhere": 429}, Unmet),
    "the other header": ("test_bypass", {"other_form": 404}, Unmet),
    "another identity": ("test_bypass", {"other_identity": 404}, Unmet),
    "another verb": ("test_bypass", {"POST": 404}, Unmet),
    "another query": ("test_bypass", {"query": 404}, Unmet),
    "a question mark": ("test_bypass", {"bare_mark": 404}, Unmet),
    "not throttled at last": ("test_bypass", {"at_last": 404}, Inconclusive),
    "another time in the body": ("test_throttled_envelope", {"told": 35}, Unmet),
}


@pytest.mark.parametrize("case", LIMITS)
def test_limits(case: str) -> None:
    check, statuses, error = LIMITS[case]
    judge("test_rate_limit", check, burst=burst())
    with pytest.raises(error):
        judge("test_rate_limit", check, burst=burst(**statuses))


def test_a_client_that_stays_locked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    judge("test_rate_limit", "test_reset", burst=burst())
    with pytest.raises(Unmet):
        judge("test_rate_limit", "test_reset", lambda _probe, _ask: (429, {}, {"retry-after": "1"}), burst=burst())
    assert waited == [5.5, 5.5]


# ---- what the whole run shows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("challenge", [True, False])
def test_a_refusal_without_challenge(challenge: bool) -> None:  # noqa: FBT001 - both are tried
    run = SimpleNamespace(observations=[observe(made_target().get(WHOAMI), (401, {}, {"www-authenticate": "Bearer"} if challenge else {}))])
    if challenge:
        judge("test_credentials", "test_challenge", run=run)
    else:
        with pytest.raises(Unmet):
            judge("test_credentials", "test_challenge", run=run)


class Trail:
    """A run whose trail holds one event too many in the reader's name; each round of reads may write another one."""

    def __init__(self, *, writes: bool, action: str = "RECALL_SIMULATED") -> None:
        self.writes, self.rows = writes, [self.row(1, action)]
        t = made_target()
        self.client: Any = SimpleNamespace(identity={"clock_skew_seconds": 0.0}, send_all=self.read)
        self.observations = [observe(t.get(WHOAMI, "viewer"), (200, {}, {})), observe(t.get(EVENTS, "viewer"), (200, self.rows, {}))]

    @staticmethod
    def row(number: int, action: str = "RECALL_SIMULATED") -> dict[str, str]:
        return {"audit_id": str(number), "actor_id": "gate-viewer", "action_type": action, "event_time": "2026-01-01T00:00:01+00:00"}

    def read(self, probes: Any) -> None:
        assert probes
        if self.writes:
            self.rows = [self.row(len(self.rows) + 1), *self.rows]

    def send(self, probe: Probe) -> Any:
        return observe(probe, (200, list(self.rows), {}))


def test_a_read_that_writes() -> None:
    with pytest.raises(Unmet):
        judge("test_verbs", "test_reads_do_not_write", run=Trail(writes=True))


def test_an_event_of_someone_else_with_the_same_account_is_no_write_of_a_read() -> None:
    judge("test_verbs", "test_reads_do_not_write", run=Trail(writes=False))


def test_records_of_refusals_are_no_writes() -> None:
    trail = Trail(writes=False, action="ACCESS_DENIED")
    judge("test_verbs", "test_reads_do_not_write", run=trail)
