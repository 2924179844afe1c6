"""The burst: one exhaustion of the rate limit, judged by several controls. It exercises a path that is routed nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gate.api import Inconclusive, Observation, Safety, require

MOST = 2000


@dataclass
class Burst:
    """The limit's exhaustion: what was let in, the refusals, and what was asked while it was exhausted."""

    sent: list[Observation]
    while_blocked: dict[str, Observation]

    @property
    def admitted(self):
        """What was let through."""
        return [seen for seen in self.sent if seen.status != 429]

    @property
    def blocked(self):
        """What was throttled."""
        return [seen for seen in self.sent if seen.status == 429]


@pytest.fixture(scope="session")
def burst(run, t):
    """Send the limit and a little more, concurrently; then, while blocked, one request of each kind that may not get through or must."""
    limit = t.settings.rate_limit_requests
    require(t.settings.rate_limit_enabled, "RATE_LIMIT_ENABLED=true in the deployment's settings", "false")
    if limit > MOST:
        raise Inconclusive(f"the declared limit of {limit} requests is more than the {MOST} that the gate sends")
    identity = next(reversed(t.profile.identities))
    path = t.profile.rate_limit.burst_path
    probe = t.get(path, identity, safety=Safety.BURST)
    sent = run.burst(probe, limit + max(6, limit // 50))
    spoof = [(name, "203.0.113.7") for name in ("X-Forwarded-For", "X-Real-IP", "True-Client-IP")] + [("Forwarded", "for=203.0.113.7")]
    asked = {
        "again": probe,
        "spoofed": t.get(path, identity, safety=Safety.BURST, headers=spoof, note="claims another address"),
        "other form": t.get(path, identity, safety=Safety.BURST, scheme=len(t.schemes) - 1, note="token in the other header"),
        "exempt": t.get((t.profile.rate_limit.exempt or ["/"])[0], safety=Safety.BURST, note="while blocked"),
        "at last": probe,
    }
    blocked = {name: run.send(item) for name, item in asked.items()}
    burst = Burst(sent, blocked)
    run.fact(
        "burst", {"limit": limit, "sent": len(sent), "admitted": sum(s.response is not None and s.response.status != 429 for s in sent)}
    )
    return burst
