"""A service with a known truth: it answers after 50 ms, and stands still for two seconds in every ten.

    python perf/frozen.py PORT_FILE [--slow FACTOR]

The ten seconds begin with the first request. From second 4 to second 6 everything stands still: what is on its way then is answered at
second 6, what arrives then 50 ms later. So of evenly spaced arrivals over whole periods the percentiles are arithmetic: p50 50, p90 1110,
p95 1610, p99 2010 ms at 50 a second for 40 seconds.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
PERIOD, FROM, UNTIL, SERVICE = 10.0, 4.0, 6.0, 0.05
EARLY = 0.002  # seconds: timers wake some milliseconds late, and what is compared with arithmetic has to be as exact


class Frozen:
    """The service; `factor` makes it slower."""

    def __init__(self, factor: float = 1.0, *, freezes: bool = True) -> None:
        self._service, self._freezes = SERVICE * factor, freezes
        self._begun: float | None = None

    def wait(self, phase: float) -> float:
        """How long an answer takes to a request that arrives so many seconds into the period."""
        if not self._freezes or phase >= UNTIL or phase + self._service < FROM:
            return self._service
        return UNTIL - phase + (self._service if phase >= FROM else 0.0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        loop = asyncio.get_running_loop()
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                now = loop.time()
                self._begun = self._begun if self._begun is not None else now
                until = now + self.wait((now - self._begun) % PERIOD)
                await asyncio.sleep(until - now - EARLY)
                while loop.time() < until:  # noqa: ASYNC110 - it waits for the clock, which sets no event
                    await asyncio.sleep(0)
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has hung up, as it does at the end
        finally:
            writer.close()


async def main() -> None:
    """Serve on a free port, whose number is written to the file, until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port_file", type=Path)
    parser.add_argument("--slow", type=float, default=1.0)
    parser.add_argument("--steady", action="store_true")
    options = parser.parse_args()
    frozen = Frozen(options.slow, freezes=not options.steady)
    server = await asyncio.start_server(frozen.serve, "127.0.0.1", 0, backlog=1024)
    options.port_file.with_suffix(".new").write_text(str(server.sockets[0].getsockname()[1]))
    options.port_file.with_suffix(".new").rename(options.port_file)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
