"""The burst: one exhaustion of the rate limit, judged by several controls. And attacks that are made together and told apart on a hit."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gate.api import SUCCESS, Inconclusive, Observation, Safety, Unmet, describe, must_keep_out, must_refuse, require, same_answer

MOST = 2000
ADDRESSES = [(name, "203.0.113.7") for name in ("X-Forwarded-For", "X-Real-IP", "True-Client-IP")] + [("Forwarded", "for=203.0.113.7")]


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

    def asked(self, *names):
        """What was asked while the limit was exhausted; `Inconclusive` unless the plain call was throttled before and after it."""
        first, last = self.while_blocked["again"], self.while_blocked["at last"]
        if first.status != 429 or last.status != 429:
            raise Inconclusive("the client was not throttled all the time, so that getting through proves nothing")
        return {name: self.while_blocked[name] for name in names if name in self.while_blocked}


def variations(t, path):
    """What is asked while the path is exhausted: each may get through only where the limit is declared to count it apart."""
    weakest, most = t.weakest, next(iter(t.profile.identities))
    mark = "&" if "?" in path else "?"
    return {
        "spoofed": t.get(path, weakest, safety=Safety.BURST, headers=ADDRESSES, note="claims another address"),
        "other form": t.get(path, weakest, safety=Safety.BURST, scheme=len(t.schemes) - 1, note="token in the other header"),
        "other identity": t.get(path, most, safety=Safety.BURST, note="another identity"),
        "anonymous": t.get(path, safety=Safety.BURST, note="no token"),
        "unknown token": t.get(path, token=t.decoy_token, safety=Safety.BURST, note="unknown token"),
        "HEAD": t.request("HEAD", path, identity=weakest, safety=Safety.BURST),
        "POST": t.request("POST", path, identity=weakest, safety=Safety.BURST),
        "query": t.get(f"{path}{mark}cb=1", weakest, safety=Safety.BURST, note="another query"),
        "bare mark": t.get(f"{path}{mark}", weakest, safety=Safety.BURST, note="nothing behind the question mark"),
        "exempt": t.get((t.profile.rate_limit.exempt or ["/"])[0], safety=Safety.BURST, note="while blocked"),
    }


@pytest.fixture(scope="session")
def burst(run, t):
    """Send the limit and a little more, concurrently; then, while blocked, one request of each kind that may not get through or must.

    Those are sent side by side, between two plain ones that show that the limit was exhausted all the time.
    """
    limit = t.settings.rate_limit_requests
    require(t.settings.rate_limit_enabled, "RATE_LIMIT_ENABLED=true in the deployment's settings", "false")
    if limit > MOST:
        raise Inconclusive(f"the declared limit of {limit} requests is more than the {MOST} that the gate sends")
    path = t.profile.rate_limit.burst_path
    probe = t.get(path, t.weakest, safety=Safety.BURST)
    sent = run.burst(probe, limit + max(6, limit // 50))
    asked = variations(t, path)
    if t.profile.has("auth"):
        asked["elsewhere"] = t.get(t.profile.auth.whoami, t.weakest, safety=Safety.BURST, note="another path, while blocked")
    again, others, at_last = run.send(probe), run.send_each(list(asked.values())), run.send(probe)
    blocked = {"again": again, **dict(zip(asked, others, strict=True)), "at last": at_last}
    admitted = sum(seen.response is not None and seen.response.status != 429 for seen in sent)
    run.fact("burst", {"limit": limit, "sent": len(sent), "admitted": admitted})
    return Burst(sent, blocked)


def let_in(seen, proof):
    """Whether a caller got in: a success, or an answer that tells what the entitled caller was told."""
    return seen.status in SUCCESS or same_answer(seen, proof)


@pytest.fixture
def apart(send):
    """`apart(observed, alone, mine, refusals)`: see `told_apart`."""
    return told_apart(send)


def told_apart(send):
    """What judges one of several attacks that were made in one request.

    `observed` holds the request with all attacks ("together"), the same without any ("plain") and the one by someone who may ("positive").
    Where all together are refused exactly like the plain one, none of them works. Otherwise the attack is made alone.
    """

    def judge(observed, alone, mine, refusals):
        together, plain, proof = observed["together"], observed["plain"], observed["positive"]
        must_refuse(plain, proof, refusals=refusals)
        if together.status == plain.status and not same_answer(together, proof):
            return
        must_keep_out(send(alone[mine]), proof)
        if let_in(together, proof) and not any(let_in(send(probe), proof) for probe in alone.values()):
            raise Unmet("not to be let in", f"no attack works alone, but all together do: {describe(together)}", "bypass")

    return judge
