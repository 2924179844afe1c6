"""Bodies that are larger than they look cost no more memory than the limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from gate.model import FailureKind, Probe
from tests.probe.servers import always, answer, endless

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def bomb():
    """500 MB of zeros in some 500 kB."""
    deflater = zlib.compressobj(9, wbits=31)
    zeros = bytes(MEGABYTE)
    return b"".join(deflater.compress(zeros) for _ in range(500)) + deflater.flush()


def peak(client, probe):
    tracemalloc.start()
    try:
        seen = client.send(probe)
        return seen, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gzip_bomb(serve, connect, bomb, layers):
    body = gzip.compress(bomb) if layers == 2 else bomb
    server = serve(always(answer(body, "200 OK", "Content-Encoding: " + ", ".join(["gzip"] * layers))))
    seen, used = peak(connect(server), Probe("GET", "/", deadline=60))
    assert seen.failure.kind is FailureKind.TOO_LARGE
    assert used < 20 * MEGABYTE


def test_an_endless_body(serve, connect):
    seen, used = peak(connect(serve(endless(b"HTTP/1.1 200 OK\r\n\r\n", bytes(65536)))), Probe("GET", "/", deadline=60))
    assert seen.failure.kind is FailureKind.TOO_LARGE
    assert used < 20 * MEGABYTE
