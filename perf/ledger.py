"""A run's journal and the bytes that left, put together: what perf/bare.py has to send to do the same."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

SHARE = 0.8  # of the rate limit: what the gate allows itself (gate.probe.settings)
SLACK = 0.0015  # seconds: the ledger's times of day are cut to milliseconds
START = re.compile(rb"[A-Z]{3,10} [^ \r\n]+ HTTP/1\.[01]\r\n")
LENGTH = re.compile(rb"^content-length: *([0-9]+) *\r$", re.IGNORECASE | re.MULTILINE)
ID = re.compile(rb"^x-request-id: *([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Sent:
    """One request's bytes, and whether it was the first on its connection."""

    raw: bytes
    first: bool


class Ledger:
    """The events of a bundle's journal."""

    def __init__(self, bundle: Path) -> None:
        lines = (bundle / "data" / "journal.jsonl").read_text().splitlines()
        self._events: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.requests = [event["data"] for event in self._events if event["event"] == "observation"]
        self.controls = len(self._event("plan")["data"]["controls"])

    @property
    def burst(self) -> int:
        """How many of the requests are the burst's."""
        return sum(request["safety"] == "burst" for request in self.requests)

    @property
    def first_request(self) -> float:
        """When the first request left, as seconds since the epoch."""
        return min(datetime.fromisoformat(request["at"]).timestamp() for request in self.requests)

    @property
    def verdict(self) -> float:
        """When the verdict stood: after it come the reports."""
        return datetime.fromisoformat(self._event("verdict")["at"]).timestamp()

    def _event(self, name: str) -> dict[str, Any]:
        return next(event for event in self._events if event["event"] == name)


def recorded(path: Path) -> dict[str, Sent]:
    """The requests in a record of perf/delay.py, by request id."""
    found = {}
    for text in json.loads(path.read_text()):
        for place, part in enumerate(_requests(base64.b64decode(text))):
            if match := ID.search(part):
                found[match[1].decode("latin-1").strip()] = Sent(part, place == 0)
    return found


def _requests(stream: bytes) -> Iterator[bytes]:
    """What one connection sent, request by request; also where a probe's lengths are wrong on purpose."""
    begin = 0
    while begin < len(stream):
        head, _, _ = stream[begin:].partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        after = START.search(stream, min(len(stream), begin + len(head) + 4 + (int(length[1]) if length else 0)))
        end = after.start() if after else len(stream)
        yield stream[begin:end]
        begin = end


def script(ledger: Ledger, sent: dict[str, Sent], limit: int, seconds: float) -> dict[str, Any]:
    """What perf/bare.py sends: phases one after the other; in drills each request after those that the gate had waited for."""
    steps: list[dict[str, Any]] = []
    for request in sorted(ledger.requests, key=lambda item: item["number"]):
        if request["request_id"] not in sent:
            continue
        name = request["phase"], _is_step(request)
        if not steps or steps[-1]["name"] != name:
            steps.append({"phase": request["phase"], "name": name, "ledger": [], "requests": []})
        alone = request["phase"] in ("drills", "closing") and sent[request["request_id"]].first
        after = _before(request, steps[-1]["ledger"]) if name[1] else None
        steps[-1]["ledger"].append(request)
        steps[-1]["requests"].append(_step(request, sent[request["request_id"]].raw, after, alone=alone))
    budget = {"requests": int(limit * SHARE), "seconds": seconds, "exempt": ["/health"]}
    return {"budget": budget, "steps": [{"phase": step["phase"], "requests": step["requests"]} for step in steps]}


def _is_step(request: dict[str, Any]) -> bool:
    """Whether it is a step of a drill, and not one of many that depend on nothing."""
    return request["phase"] == "drills" or (request["phase"] == "burst" and not request["note"].isdigit())


def _span(request: dict[str, Any]) -> tuple[float, float]:
    begin = datetime.fromisoformat(request["at"]).timestamp()
    return begin, begin + request["seconds"]


def _before(request: dict[str, Any], others: list[dict[str, Any]]) -> list[int]:
    """The places of the last ones that had ended when it began: whatever it was that it waited for, it is among them or before them."""
    spans = [_span(other) for other in others]
    begun = _span(request)[0] + SLACK
    ended = [place for place, (_, end) in enumerate(spans) if end <= begun]
    latest = max((spans[place][0] for place in ended), default=0.0)
    return [place for place in ended if spans[place][1] > latest - SLACK]


def _step(request: dict[str, Any], raw: bytes, after: list[int] | None, *, alone: bool) -> dict[str, Any]:
    return {
        "raw": base64.b64encode(raw).decode(),
        "path": request["target"].partition("?")[0],
        "alone": alone,
        "head": request["method"] == "HEAD",
        "waits": request["safety"] != "burst",
        "after": after,
    }
