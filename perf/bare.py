"""A bare asynchronous client: sends recorded requests again and reads their answers, and does nothing else.

    python perf/bare.py SCRIPT HOST PORT

SCRIPT is JSON: `budget` (requests, seconds, exempt paths) and `steps`, each with its `phase` and `requests`: `raw` (base64), `path`,
`alone` (a connection of its own), `head` (no body comes back), `waits` (counts against the budget), `after` (the places of those that
must have been answered; null: 16 at a time will do). A step begins when the one before has ended. It prints, as JSON, the seconds from the
first request to the last answer, those of each step, and how many answers had which status.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections import Counter, defaultdict, deque
from pathlib import Path
from time import monotonic
from typing import Any

AT_ONCE = 16
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Client:
    """Keeps connections open and stays below the rate limit, as the gate does."""

    def __init__(self, host: str, port: int, budget: dict[str, Any]) -> None:
        self._host, self._port, self._budget = host, port, budget
        self._idle: list[Stream] = []
        self._sent: dict[str, deque[float]] = defaultdict(deque)
        self.statuses: Counter[int] = Counter()

    async def step(self, requests: list[dict[str, Any]]) -> None:
        """Send these requests, each when it may."""
        answered = [asyncio.Event() for _ in requests]
        turn = asyncio.Semaphore(AT_ONCE)

        async def work(place: int, request: dict[str, Any]) -> None:
            for other in request["after"] or ():
                await answered[other].wait()
            async with turn:
                await self._send(request)
            answered[place].set()

        await asyncio.gather(*(work(place, request) for place, request in enumerate(requests)))

    async def _send(self, request: dict[str, Any]) -> None:
        await self._wait(request)
        stream = None if request["alone"] else self._idle.pop() if self._idle else None
        reader, writer = stream or await asyncio.open_connection(self._host, self._port)
        writer.write(base64.b64decode(request["raw"]))
        status, keep = await answer(reader, head=request["head"])
        self.statuses[status] += 1
        if keep and not request["alone"]:
            self._idle.append((reader, writer))
        else:
            writer.close()

    async def _wait(self, request: dict[str, Any]) -> None:
        if request["path"] in self._budget["exempt"]:
            return
        sent, seconds, permitted = self._sent[request["path"]], self._budget["seconds"], self._budget["requests"]
        if request["waits"] and len(sent) >= permitted:
            await asyncio.sleep(max(0.0, sent[-permitted] + seconds - monotonic()))
        sent.append(monotonic())


async def answer(reader: asyncio.StreamReader, *, head: bool) -> tuple[int, bool]:
    """One answer: its status, and whether the connection may be used again."""
    top = await reader.readuntil(b"\r\n\r\n")
    line, *lines = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines if text)}
    status = int(line.split(" ", 2)[1])
    keep = headers.get("connection", "").lower() != "close"
    if head or status in (204, 304):
        return status, keep
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    elif "content-length" in headers:
        await reader.readexactly(int(headers["content-length"]))
    else:
        await reader.read()
        keep = False
    return status, keep


async def replay(script: dict[str, Any], host: str, port: int) -> dict[str, Any]:
    """All steps; seconds and statuses."""
    client = Client(host, port, script["budget"])
    moments = [monotonic()]
    for step in script["steps"]:
        await client.step(step["requests"])
        moments.append(monotonic())
    each = [(step["phase"], round(end - begin, 3)) for step, begin, end in zip(script["steps"], moments, moments[1:], strict=False)]
    return {"seconds": moments[-1] - moments[0], "steps": each, "statuses": client.statuses}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(replay(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], int(sys.argv[3])))))
