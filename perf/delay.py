"""A TCP forwarder on 127.0.0.1 that adds a round trip to everything, connection set-up included.

    python perf/delay.py HOST PORT SECONDS [RECORD]

It prints its port and runs until its standard input ends. RECORD is a file in which it leaves, as JSON, what each connection sent: a list
of base64 texts in the order in which the connections were opened. That holds tokens: only its user may read it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from asyncio import Protocol, Transport
from pathlib import Path
from typing import Any, cast


class Direction:
    """One direction of a connection: each piece is passed on when its time has come, in order."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._last = 0.0
        self._loop = asyncio.get_running_loop()

    def later(self, extra: float, act: Any, *arguments: Any) -> None:
        """Do it after the delay, and after everything that came before."""
        self._last = max(self._loop.time() + self._delay + extra, self._last + 1e-6)
        self._loop.call_at(self._last, act, *arguments)


class Upstream(Protocol):
    """The forwarder's connection to the service: what comes goes back to the client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass on what the client has sent meanwhile."""
        self._client.connected(cast(Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Back to the client, half a round trip later."""
        self._client.back.later(0, self._client.transport.write, data)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The service hung up: so does the forwarder, after what is still on its way."""
        self._client.back.later(0, self._client.transport.close)


class Client(Protocol):
    """A client's connection."""

    transport: Transport

    def __init__(self, host: str, port: int, round_trip: float, recorded: list[bytearray]) -> None:
        self._host, self._port, self._round_trip = host, port, round_trip
        self.there, self.back = Direction(round_trip / 2), Direction(round_trip / 2)
        self._upstream: Transport | None = None
        self._waiting: list[bytes] = []
        self._new = True
        self.sent = bytearray()
        recorded.append(self.sent)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect on to the service."""
        self.transport = cast(Transport, transport)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(loop.create_connection(lambda: Upstream(self), self._host, self._port))
        self._task.add_done_callback(lambda task: self.transport.abort() if task.exception() else None)

    def connected(self, upstream: Transport) -> None:
        """The service has taken the connection."""
        self._upstream = upstream
        for data in self._waiting:
            upstream.write(data)

    def data_received(self, data: bytes) -> None:
        """To the service. The kernel has let the client connect at once: the handshake's round trip is charged here, to the first bytes."""
        self.sent += data
        self.there.later(self._round_trip if self._new else 0, self._pass_on, data)
        self._new = False

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client hung up."""
        self.there.later(0, self._hang_up)

    def _pass_on(self, data: bytes) -> None:
        if self._upstream is None:
            self._waiting.append(data)
        else:
            self._upstream.write(data)

    def _hang_up(self) -> None:
        if self._upstream is not None:
            self._upstream.close()


async def forward(host: str, port: int, round_trip: float) -> list[bytearray]:
    """Serve until standard input ends; what each connection sent."""
    recorded: list[bytearray] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Client(host, port, round_trip, recorded), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    return recorded


def main() -> None:
    """From the command line."""
    host, port, round_trip, *record = sys.argv[1:]
    recorded = asyncio.run(forward(host, int(port), float(round_trip)))
    for path in map(Path, record):
        path.touch(mode=0o600)
        path.write_text(json.dumps([base64.b64encode(sent).decode() for sent in recorded]))


if __name__ == "__main__":
    main()
